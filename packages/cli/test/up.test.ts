import { access, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { beforeEach, expect, it, onTestFinished } from 'vitest'
import { generatedBytes } from '../../testkit/src/generated-bytes.ts'
import { type Origin, startOrigin } from '../../testkit/src/origin-server.ts'
import { sha256File } from '../../testkit/src/sha256-file.ts'
import { tmpDir } from '../../testkit/src/tmp-dir.ts'
import { runProgram, startProgram } from './support/run-program.ts'

const mib = 1024 * 1024

let cwd: string
let origin: Origin
let url: string

beforeEach(async () => {
  const dir = await tmpDir()
  onTestFinished(() => dir[Symbol.asyncDispose]())
  cwd = dir.path
  origin = await startOrigin()
  onTestFinished(() => origin.stop())
  url = origin.put('/a.bin', generatedBytes(1, 0, 20 * mib))
})

async function gone(path: string): Promise<void> {
  for (;;) {
    try {
      await access(path)
    } catch {
      return
    }
    await wait(20)
  }
}

/** Daemons that were started on demand leave the test's directory soon. */
const env = { DAMSELFLY_IDLE_EXIT: '1s' }
const get = (output: string, ...args: readonly string[]) =>
  runProgram('damselfly', ['get', url, '-O', output, '--verbose', ...args], { cwd, env })

it('runs a swarm that takes a file from its origin once, and stops without a trace', async () => {
  await using up = startProgram('damselfly', ['up'], { cwd })
  await up.says('Ctrl-C stops it.')
  const first = await get('first.bin')
  expect(first).toMatchObject({ code: 0 })
  expect(first.err).toContain('(run by "damselfly up")')
  expect(first.err).toMatch(/, seed 100%, saved to /)
  const second = await get('second.bin')
  expect(second.err).toMatch(/, cache 100%, saved to /)
  const digest = await origin.digest('/a.bin')
  for (const name of ['first.bin', 'second.bin']) {
    expect(await sha256File(join(cwd, name))).toContain(digest)
  }

  const again = await runProgram('damselfly', ['up'], { cwd })
  expect(again.code).toBe(6)
  expect(again.err).toContain(`process ${up.child.pid}`)

  up.child.kill('SIGTERM')
  expect(await up.ended).toMatchObject({ code: 0, err: '' })
  for (const name of ['up.json', 'dfdaemon.sock', 'seed.sock'])
    await gone(join(cwd, 'home/run', name))
})

it('lets a second signal end it at once', async () => {
  await using up = startProgram('damselfly', ['up'], { cwd })
  await up.says('Ctrl-C stops it.')
  up.child.kill('SIGINT')
  up.child.kill('SIGINT')
  // Two signals may arrive as one.
  expect([0, 130]).toContain((await up.ended).code)
})

it('lets downloads join its scheduler from a daemon of their own', async () => {
  await using up = startProgram('damselfly', ['up'], { cwd })
  await up.says('Ctrl-C stops it.')
  const text = await readFile(join(cwd, 'home/run/up.json'), 'utf8')
  const { scheduler } = JSON.parse(text) as { scheduler: string }
  const { code, err } = await get('a.bin', '--scheduler', scheduler)
  expect(code).toBe(0)
  expect(err).toContain('(started for this download)')
  expect(err).toMatch(/, seed 100%, saved to /)
  const [, socket = ''] = /Daemon: (\S+)/.exec(err) ?? []
  await gone(socket)
})

it('starts one daemon for downloads at the same time, which leaves by itself', async () => {
  const downloads = await Promise.all(['1.bin', '2.bin', '3.bin'].map((name) => get(name)))
  for (const { code, err } of downloads) expect({ code, err }).toMatchObject({ code: 0 })
  expect(origin.counters('/a.bin').bodyBytes).toBeLessThan(21 * mib)
  await gone(join(cwd, 'home/run/ondemand.sock'))
})

it('says why a daemon could not be started', async () => {
  const { code, err } = await runProgram('dfget', [url, '-O', 'a'], {
    cwd,
    env: { DAMSELFLY_IDLE_EXIT: 'soon' },
  })
  expect(code).toBe(6)
  expect(err).toContain('The daemon that was started for this download ended with exit code 2')
  expect(err).toContain('"soon"')
})

it('runs a scheduler and a daemon that joins it as programs of their own', async () => {
  const args = ['--host', '127.0.0.1', '--port', '0', '-l', 'error']
  await using scheduler = startProgram('scheduler', args, { cwd })
  await scheduler.says('serves daemons on')
  const [, address = ''] = /daemons on (127\.0\.0\.1:\d+)/.exec(scheduler.text()) ?? []
  const [config, socket] = [join(cwd, 'dfdaemon.yaml'), join(cwd, 'd.sock')]
  await writeFile(config, daemonYaml(socket))
  const daemonArgs = ['-c', config, '--scheduler', address, '--log-dir', 'log']
  await using daemon = startProgram('dfdaemon', daemonArgs, { cwd })
  await daemon.says('serves as peer')
  expect(daemon.text()).toContain(`with scheduler ${address}: local API ${socket}`)
  expect(daemon.text()).toContain('warning: these configuration keys have no effect')
  expect(daemon.text()).toContain('proxy')
  const downloaded = await runProgram('dfget', [url, '-e', socket, '-O', 'x'], { cwd })
  expect(downloaded).toMatchObject({ code: 0 })
  for (const program of [daemon, scheduler]) {
    program.child.kill('SIGTERM')
    expect(await program.ended).toMatchObject({ code: 0 })
  }
  expect(await readFile(join(cwd, 'log', 'dfdaemon.log'), 'utf8')).toContain('"msg"')
})

function daemonYaml(socketPath: string): string {
  return JSON.stringify({
    host: { ip: '127.0.0.1' },
    download: { server: { socketPath } },
    upload: { server: { port: 0 } },
    storage: { dir: join(cwd, 'store'), server: { tcpPort: 0 } },
    health: { server: { port: 0 } },
    metrics: { server: { port: 0 } },
    proxy: { server: { port: 4001 } },
  })
}

it.each(['dfdaemon', 'scheduler'] as const)(
  '%s lists all that is wrong with its configuration',
  async (program) => {
    const config = join(cwd, 'bad.yaml')
    await writeFile(config, 'nonsense: 1\nmetrics: 2\n')
    const { code, err } = await runProgram(program, ['--config', config], { cwd })
    expect(code).toBe(2)
    expect(err).toContain(`error: ${config} is not valid`)
    expect(err).toContain('nonsense')
    expect(err).toContain('metrics')
    const missing = await runProgram(program, ['--config', join(cwd, 'missing.yaml')], { cwd })
    expect(missing).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no such file'),
    })
  },
)

it('reads where the configuration is from the environment', async () => {
  const missing = join(cwd, 'missing.yaml')
  const names = { dfdaemon: 'DFDAEMON_CONFIG', scheduler: 'SCHEDULER_CONFIG' } as const
  for (const program of ['dfdaemon', 'scheduler'] as const) {
    const ended = await runProgram(program, [], { cwd, env: { [names[program]]: missing } })
    expect(ended).toMatchObject({ code: 2, err: expect.stringContaining(missing) })
  }
})
