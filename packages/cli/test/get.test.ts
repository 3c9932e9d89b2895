import { once } from 'node:events'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DfdaemonUpload } from '@damselfly/api/dfdaemon'
import { DfError, type ErrorCode, errorTraits, silentLog } from '@damselfly/core'
import { route, startRpcServer } from '@damselfly/rpc'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { tmpDir } from '../../testkit/src/tmp-dir.ts'
import { type FakeDaemonOptions, startFakeDaemon } from './support/fake-daemon.ts'
import { runProgram, startProgram } from './support/run-program.ts'

const pieceLength = 1_000
const content = Uint8Array.from({ length: 10_500 }, (_, index) => index % 251)
const url = 'http://origin.test/dir/a.bin'

let cwd: string
let out: string
let socket: string

beforeEach(async () => {
  const dir = await tmpDir()
  onTestFinished(() => dir[Symbol.asyncDispose]())
  cwd = dir.path
  out = join(cwd, 'out')
  socket = join(cwd, 's.sock')
  await mkdir(out)
})

async function daemon(options: Partial<FakeDaemonOptions> = {}, path = socket) {
  const started = await startFakeDaemon(path, { content, pieceLength, ...options })
  onTestFinished(() => started[Symbol.asyncDispose]())
  return started
}

const dfget = (...args: readonly string[]) =>
  runProgram('dfget', [url, '-e', socket, '-O', 'out/a.bin', ...args], { cwd })

describe('a download that succeeds', () => {
  it('is written by the daemon and summed up', async () => {
    const { requests } = await daemon({ givers: ['peer', 'seed'] })
    const { code, err, out: stdout } = await dfget()
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
    expect(err).toMatch(/^a\.bin: downloading 10\.3 KiB\n/)
    expect(err).toMatch(
      /\na\.bin: 10\.3 KiB in .*, peers 52% seed 48%, saved to .*\/out\/a\.bin\n$/,
    )
    expect(requests).toMatchObject([
      { url, outputPath: join(out, 'a.bin'), needPieceContent: false },
    ])
    expect(new Uint8Array(await readFile(join(out, 'a.bin')))).toEqual(content)
  })

  it('is named after the URL by damselfly get', async () => {
    await daemon()
    const args = ['get', url, '--endpoint', `unix:${socket}`]
    expect(await runProgram('damselfly', args, { cwd: out })).toMatchObject({ code: 0 })
    expect(await readdir(out)).toEqual(['a.bin'])
  })

  it('is told as JSON lines on standard output', async () => {
    await daemon({ givers: ['origin', 'cache'] })
    const { code, err, out: stdout } = await dfget('--json')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const events = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string })
    expect(events[0]).toMatchObject({ event: 'started', url, sizeBytes: 10_500, pieceCount: 11 })
    expect(events.at(-1)).toMatchObject({
      event: 'finished',
      output: join(out, 'a.bin'),
      sizeBytes: 10_500,
      shares: { origin: 5_500, cache: 5_000, seed: 0, peers: 0 },
    })
  })

  it('is silent with --no-progress', async () => {
    await daemon()
    expect(await dfget('--no-progress')).toMatchObject({ code: 0, out: '', err: '' })
  })

  it('goes on when nobody reads the output any more', async () => {
    const gate = Promise.withResolvers<void>()
    await daemon({ beforePiece: (number) => (number === 1 ? gate.promise : undefined) })
    await using program = startProgram('dfget', [url, '-e', socket, '-O', 'out/a.bin', '--json'], {
      cwd,
    })
    await program.says('"event":"started"')
    program.child.stdout.destroy()
    gate.resolve()
    const [code] = (await once(program.child, 'exit')) as [number]
    expect(code).toBe(0)
    expect(await readdir(out)).toEqual(['a.bin'])
  })
})

describe('a download whose content comes from the daemon', () => {
  it('is put together here', async () => {
    const { requests } = await daemon()
    expect(await dfget('--transfer-from-dfdaemon')).toMatchObject({ code: 0 })
    expect(new Uint8Array(await readFile(join(out, 'a.bin')))).toEqual(content)
    expect(requests[0]).toMatchObject({ needPieceContent: true })
    expect(requests[0]?.outputPath).toBeUndefined()
    expect(await readdir(out)).toEqual(['a.bin'])
    expect((await stat(join(out, 'a.bin'))).mode & 0o777).toBe(0o644)
  })

  it('is cut to the range', async () => {
    await daemon()
    expect(await dfget('--transfer-from-dfdaemon', '--range', '1500-3499')).toMatchObject({
      code: 0,
    })
    expect(new Uint8Array(await readFile(join(out, 'a.bin')))).toEqual(
      content.subarray(1_500, 3_500),
    )
  })

  it('is checked against the digest', async () => {
    await daemon()
    const { code, err } = await dfget('--transfer-from-dfdaemon', '--digest', 'crc32:1')
    expect(code).toBe(4)
    expect(err).toContain('expected crc32:1, got crc32:')
    expect(await readdir(out)).toEqual([])
  })

  it('replaces an output only when it is complete', async () => {
    await writeFile(join(out, 'a.bin'), 'mine')
    const state = { isBroken: true }
    await daemon({
      beforePiece: (number) => {
        if (number === 3 && state.isBroken)
          throw new DfError('SourceUnavailable', 'The origin is gone.')
      },
    })
    const args = ['--transfer-from-dfdaemon', '--overwrite']
    expect(await dfget(...args)).toMatchObject({ code: 3 })
    expect(await readFile(join(out, 'a.bin'), 'utf8')).toBe('mine')
    expect(await readdir(out)).toEqual(['a.bin'])
    state.isBroken = false
    expect(await dfget(...args)).toMatchObject({ code: 0 })
    expect((await stat(join(out, 'a.bin'))).size).toBe(content.length)
  })

  it('does not replace an output that came meanwhile', async () => {
    await daemon({
      beforePiece: async (number) => {
        if (number === 3) await writeFile(join(out, 'a.bin'), 'theirs')
      },
    })
    expect(await dfget('--transfer-from-dfdaemon')).toMatchObject({ code: 5 })
    expect(await readFile(join(out, 'a.bin'), 'utf8')).toBe('theirs')
    expect(await readdir(out)).toEqual(['a.bin'])
  })
})

describe('a download that fails', () => {
  it.each<ErrorCode>([
    'SourceRefused',
    'DigestMismatch',
    'DiskFull',
    'NoSource',
    'Timeout',
    'UnknownScheme',
    'Internal',
  ])('as %s says why and exits as documented', async (code) => {
    await daemon({
      onRequest: () => {
        throw new DfError(code, 'This is what happened: do that.')
      },
    })
    const ended = await dfget()
    expect(ended.code).toBe(errorTraits[code].exit)
    expect(ended.err).toBe('error: This is what happened: do that.\n')
    expect(await readdir(out)).toEqual([])
  })

  it('says so in JSON, too', async () => {
    await daemon({
      onRequest: () => {
        throw new DfError('SourceRefused', 'No.')
      },
    })
    const { code, err, out: stdout } = await dfget('--json')
    expect({ code, err }).toEqual({ code: 3, err: 'error: No.\n' })
    expect(JSON.parse(stdout)).toEqual({
      event: 'error',
      url,
      code: 'SourceRefused',
      message: 'No.',
      retryable: false,
      exitCode: 3,
    })
  })

  it('because its daemon is not there names the daemon', async () => {
    const { code, err } = await dfget()
    expect(code).toBe(6)
    expect(err).toContain(`The daemon at ${socket} (named) failed: `)
    expect(err).toContain('check that it runs there')
  })

  it('because something else answers there says what is wanted', async () => {
    const server = await startRpcServer({
      listen: { host: '127.0.0.1', port: 0 },
      log: silentLog,
      health: [],
      graceMs: 200,
      services: [route(DfdaemonUpload, {})],
    })
    onTestFinished(() => server.stop())
    const where = 'port' in server.endpoint ? `127.0.0.1:${server.endpoint.port}` : ''
    const { code, err } = await runProgram('dfget', [url, '-e', where, '-O', 'out/a.bin'], { cwd })
    expect(code).toBe(2)
    expect(err).toContain(`${where} is not a daemon's download socket`)
    expect(await readdir(out)).toEqual([])
  })

  it('because pieces are missing leaves nothing', async () => {
    await daemon({ isIncomplete: true })
    const { code, err } = await dfget('--transfer-from-dfdaemon')
    expect(code).toBe(6)
    expect(err).toContain('with 1 of 11 pieces missing')
    expect(await readdir(out)).toEqual([])
  })

  it("takes away what Dragonfly's daemon made before it failed", async () => {
    await daemon({
      onRequest: ({ outputPath = '' }) => void writeFile(outputPath, new Uint8Array(10_500)),
      beforePiece: (number) => {
        if (number === 3) throw new DfError('SourceUnavailable', 'Gone.')
      },
    })
    expect(await dfget()).toMatchObject({ code: 3 })
    expect(await readdir(out)).toEqual([])
  })

  it('does not touch an output that was there, nor asks for anything', async () => {
    await writeFile(join(out, 'a.bin'), 'mine')
    const { requests } = await daemon()
    const { code, err } = await dfget()
    expect(code).toBe(5)
    expect(err).toContain('--overwrite')
    expect(await readFile(join(out, 'a.bin'), 'utf8')).toBe('mine')
    expect(requests).toEqual([])
  })

  it.each([
    ['.', 'is a directory'],
    ['missing/a.bin', 'there is no directory'],
    ['a.txt/b', 'there is no directory'],
  ])('because of the output %s says what is wrong with it', async (path, message) => {
    await writeFile(join(out, 'a.txt'), '')
    const { code, err } = await runProgram('dfget', [url, '-e', socket, '-O', `out/${path}`], {
      cwd,
    })
    expect(code).toBe(5)
    expect(err).toContain(message)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('because of %s exits with %i and leaves nothing', async (name, code) => {
    const aborted = Promise.withResolvers<void>()
    await daemon({
      beforePiece: (number, signal) => {
        if (number < 3) return
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted.resolve()
            reject(signal.reason)
          })
        })
      },
    })
    const args = [url, '-e', socket, '-O', 'out/a.bin', '--transfer-from-dfdaemon']
    await using program = startProgram('dfget', args, { cwd })
    await program.says('downloading')
    program.child.kill(name)
    expect(await program.ended).toMatchObject({
      code,
      err: expect.stringMatching(/\nInterrupted\.\n$/),
    })
    await aborted.promise
    expect(await readdir(out)).toEqual([])
  })
})

describe('the daemon', () => {
  const home = (): string => join(cwd, 'home')

  async function writeUp(socketPath: string): Promise<void> {
    await mkdir(join(home(), 'run'), { recursive: true })
    const up = { pid: 1, scheduler: '127.0.0.1:8002', peer: { socketPath } }
    await writeFile(join(home(), 'run', 'up.json'), JSON.stringify(up))
  }

  const get = (env: Record<string, string> = {}) =>
    runProgram('damselfly', ['get', url, '-O', 'out/a.bin', '--verbose'], { cwd, env })

  it('is the one of damselfly up when that runs', async () => {
    await daemon()
    await writeUp(socket)
    const { code, err } = await get()
    expect(code).toBe(0)
    expect(err).toContain(`Daemon: ${socket} (run by "damselfly up")`)
  })

  it('is one started earlier when damselfly up has died', async () => {
    await writeUp(join(cwd, 'nobody.sock'))
    await daemon({}, join(home(), 'run', 'ondemand.sock'))
    expect((await get()).err).toContain('(started for an earlier download)')
  })

  it.each(['DFGET_ENDPOINT', 'DAMSELFLY_ENDPOINT'])('is the one that %s names', async (name) => {
    await daemon()
    await writeUp(join(cwd, 'nobody.sock'))
    expect((await get({ [name]: socket })).err).toContain(`Daemon: ${socket} (named)`)
  })

  it('is refused when its name makes no sense', async () => {
    expect(await get({ DFGET_ENDPOINT: 'nonsense' })).toMatchObject({
      code: 2,
      err: expect.stringContaining('"nonsense" is not the path of a daemon\'s socket'),
    })
  })
})
