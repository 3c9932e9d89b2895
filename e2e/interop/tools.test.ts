import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { sha256File } from '@damselfly/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run, type ToolResult } from './dfget.ts'
import { type Published, publish } from './files.ts'
import { type Daemon, ours as ourProgram, real, type Scheduler, World } from './world.ts'

// Dragonfly's programs at our daemon's socket and our scheduler, and our dfget at the socket of the real Rust daemon.

const MiB = 1024 ** 2
const wrongDigest = `sha256:${'0'.repeat(64)}`
const unimplemented = 'Operation is not implemented or not supported'

let world: World
let scheduler: Scheduler
let ours: Daemon
let rust: Daemon
let file: Published
let outputs = 0

beforeAll(async () => {
  world = await World.start()
  scheduler = await world.ourScheduler()
  const schedulers = [scheduler.address]
  ours = await world.ourDaemon({ name: 'ours', schedulers })
  rust = await world.rustDaemon({ name: 'rust', schedulers })
  file = await publish(world, 9 * MiB)
})
afterAll(() => world[Symbol.asyncDispose]())

function newOutput(daemon: Daemon): string {
  outputs += 1
  return daemon.output(`output-${outputs}`)
}

async function expectFile(path: string): Promise<void> {
  expect(await sha256File(path)).toBe(file.digest)
}

function expectFailure({ code, text }: ToolResult, words: string): void {
  expect(code, text).not.toBe(0)
  expect(text).toContain(words)
}

describe('dfget of Dragonfly at our daemon', () => {
  const dfget = (args: string[]) =>
    run([real('DRAGONFLY_DFGET'), ...args, '--endpoint', ours.socketPath])

  it.each([
    ['to a file', []],
    ['and has the digest checked', ['--digest', 'the right one']],
    ['and writes it itself', ['--transfer-from-dfdaemon']],
    ['as a hard link', ['--force-hard-link']],
  ])('downloads %s', async (_name, flags) => {
    const output = newOutput(ours)
    const args = flags.map((flag) => (flag === 'the right one' ? `sha256:${bare(file)}` : flag))
    const { code, text } = await dfget([file.url, '-O', output, ...args])
    expect(code, text).toBe(0)
    await expectFile(output)
  })

  it('leaves an existing output alone unless told otherwise', async () => {
    const output = newOutput(ours)
    await writeFile(output, 'precious')
    expectFailure(await dfget([file.url, '-O', output]), 'is already exist')
    expect(await readFile(output, 'utf8')).toBe('precious')
    expect((await dfget([file.url, '-O', output, '--overwrite'])).code).toBe(0)
    await expectFile(output)
  })

  it('fails on another digest and leaves no output', async () => {
    const output = newOutput(ours)
    expect((await dfget([file.url, '-O', output, '--digest', wrongDigest])).code).toBe(1)
    expect(existsSync(output)).toBe(false)
  })

  it('says 404 with its headers when the origin does (trap T6)', async () => {
    const url = new URL('/nothing', file.url).href
    const result = await dfget([url, '-O', newOutput(ours)])
    expectFailure(result, 'Bad Status Code:')
    expect(result.text).toMatch(/Bad Status Code:\S* 404/)
    expect(result.text).toContain('[content-type]: text/plain')
  })

  it('says that directories are not implemented', async () => {
    const result = await dfget(['s3://bucket/dir/', '-r', '-O', ours.dir])
    expectFailure(result, unimplemented)
    expect(result.text).toContain('ListTaskEntries')
  })
})

describe('dfctl of Dragonfly', () => {
  const dfctl = (args: string[]) => run([real('DRAGONFLY_DFCTL'), ...args])

  it('lists and removes the tasks of our daemon', async () => {
    const endpoint = ['--endpoint', ours.socketPath]
    const { taskId } = await ours.download(file.url)
    expect((await dfctl(['task', 'ls', ...endpoint])).text).toMatch(
      new RegExp(`${taskId} +4\\.0 MiB +9\\.0 MiB `),
    )
    expect((await dfctl(['task', 'rm', taskId, ...endpoint])).code).toBe(0)
    expectFailure(await dfctl(['task', 'rm', taskId, ...endpoint]), 'entity was not found')
    expect((await dfctl(['task', 'ls', ...endpoint])).text).not.toContain(taskId)
  })

  it.each([
    ['http://127.0.0.1:9/file', 'PreheatFile'],
    ['oci://127.0.0.1:9/image:tag', 'PreheatImage'],
  ])('hears from our scheduler that preheating %s is not implemented', async (url, method) => {
    const endpoint = ['--scheduler-endpoint', `http://${scheduler.address}`]
    const result = await dfctl(['task', 'preheat', url, ...endpoint])
    expectFailure(result, unimplemented)
    expect(result.text).toContain(method)
  })

  it.each([
    ['persistent-task', 'ListLocalPersistentTasks'],
    ['persistent-cache-task', 'ListLocalPersistentCacheTasks'],
  ])('hears from our daemon that %s is not implemented', async (kind, method) => {
    const result = await dfctl([kind, 'ls', '--endpoint', ours.socketPath])
    expectFailure(result, unimplemented)
    expect(result.text).toContain(method)
  })
})

describe('dfcache of Dragonfly hears that it is not implemented', () => {
  const id = 'a'.repeat(64)

  it.each([
    ['import', 'DfdaemonDownload.UploadPersistentCacheTask', () => [ours.output('config.yaml')]],
    ['export', 'DfdaemonDownload.DownloadPersistentCacheTask', () => [id, '-O', newOutput(ours)]],
    ['stat', 'DfdaemonDownload.StatPersistentCacheTask', () => [id]],
  ])('%s at our daemon', async (command, method, args) => {
    const result = await dfcache(ours, [command, ...args()])
    expectFailure(result, unimplemented)
    expect(result.text).toContain(method)
  })

  it.each([
    ['import', 'Scheduler.UploadPersistentCacheTaskStarted', () => [ours.output('config.yaml')]],
    ['export', 'Scheduler.StatPersistentCacheTask', () => [id, '-O', newOutput(rust)]],
    ['stat', 'Scheduler.StatPersistentCacheTask', () => [id]],
  ])('%s at a Rust daemon of our scheduler', async (command, method, args) => {
    const result = await dfcache(rust, [command, ...args()])
    expectFailure(result, unimplemented)
    expect(result.text).toContain(method)
  })

  const dfcache = ({ socketPath }: Daemon, args: string[]) =>
    run([real('DRAGONFLY_DFCACHE'), ...args, '--endpoint', socketPath])
})

describe('our dfget at the Rust daemon', () => {
  const dfget = (args: string[]) =>
    run([...ourProgram('dfget'), ...args, '--endpoint', rust.socketPath])

  it.each([
    ['to a file', []],
    ['and writes it itself', ['--transfer-from-dfdaemon']],
  ])('downloads %s, and its progress comes to an end', async (_name, flags) => {
    const output = newOutput(rust)
    const { code, text } = await dfget([file.url, '-O', output, ...flags])
    expect(code, text).toBe(0)
    expect(text).toMatch(/9 MiB in .*(origin|cache) 100%.*saved to/)
    await expectFile(output)
  })

  it('tells a program what it does, up to the last byte', async () => {
    const { code, text } = await dfget([file.url, '-O', newOutput(rust), '--json'])
    expect(code, text).toBe(0)
    const messages = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(messages.at(-1)).toMatchObject({ event: 'finished', sizeBytes: 9 * MiB })
  })

  it('fails on another digest and leaves no output', async () => {
    const output = newOutput(rust)
    const result = await dfget([file.url, '-O', output, '--digest', wrongDigest])
    expectFailure(result, 'digest mismatch')
    expect(existsSync(output)).toBe(false)
  })

  it('says 404 when the origin does', async () => {
    const url = new URL('/nothing', file.url).href
    expectFailure(await dfget([url, '-O', newOutput(rust)]), '404 Not Found')
  })
})

/** Without the algorithm. */
function bare({ digest }: Published): string {
  return digest.replace(/^sha256:/, '')
}
