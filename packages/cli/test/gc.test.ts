import { join } from 'node:path'
import { DfError } from '@damselfly/core'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { startConstellation } from '../../testkit/src/constellation.ts'
import { startOrigin } from '../../testkit/src/origin-server.ts'
import { tmpDir } from '../../testkit/src/tmp-dir.ts'
import { damselfly } from '../src/programs/damselfly.ts'
import { type FakeDaemonOptions, startFakeDaemon } from './support/fake-daemon.ts'
import { fakeContext } from './support/fake-io.ts'
import { runProgram } from './support/run-program.ts'

const mib = 1024 * 1024
const socketName = 's.sock'

let cwd: string

beforeEach(async () => {
  const dir = await tmpDir()
  onTestFinished(() => dir[Symbol.asyncDispose]())
  cwd = dir.path
})

type Collect = NonNullable<FakeDaemonOptions['collectGarbage']>

async function daemon(collectGarbage?: Collect): Promise<void> {
  const store = collectGarbage === undefined ? {} : { collectGarbage }
  const options = { content: new Uint8Array(), pieceLength: 1, ...store }
  const started = await startFakeDaemon(join(cwd, socketName), options)
  onTestFinished(() => started[Symbol.asyncDispose]())
}

const gc = (...args: readonly string[]) =>
  runProgram('damselfly', ['gc', '-e', `./${socketName}`, ...args], { cwd })

const deleted = {
  rows: [{ taskId: 'a'.repeat(64), reason: 'expired', bytes: 2_048n, idleMs: 5_000n }],
  totals: [{ reason: 'expired', tasks: 1n, bytes: 2_048n }],
  taskCount: 2n,
  ownBytes: 4_096n,
  freedBytes: 2_048n,
  capacityBytes: 8_192n,
  highBytes: 7_168n,
  lowBytes: 6_144n,
} satisfies Awaited<ReturnType<Collect>>

const told = [
  'TASK          REASON    SIZE  IDLE',
  'aaaaaaaaaaaa  expired  2 KiB    5s',
  '',
  'Deleted 1 task, 2 KiB: expired 1 (2 KiB).',
  'The store held 4 KiB in 2 tasks, 2 KiB now. Its capacity is 8 KiB: from 7 KiB on it deletes down to 6 KiB.',
  '',
].join('\n')

describe('damselfly gc', () => {
  it('prints what was deleted and why', async () => {
    await daemon(async ({ dryRun }) => (dryRun ? {} : deleted))
    expect(await gc()).toMatchObject({ code: 0, out: told, err: '' })
  })

  it('deletes nothing with --dry-run', async () => {
    await daemon(async ({ dryRun }) => (dryRun ? { ...deleted, dryRun } : {}))
    const { code, out, err } = await gc('--dry-run', '--verbose')
    expect({ code, err }).toEqual({ code: 0, err: `Daemon: ${join(cwd, socketName)} (named)\n` })
    expect(out).toContain('\nWould delete 1 task, 2 KiB: expired 1 (2 KiB).\nThe store holds 4 KiB')
  })

  it('says that there is nothing to do', async () => {
    await daemon(async () => ({}))
    const { code, out } = await gc()
    expect({ code, out }).toMatchObject({ code: 0, out: expect.stringMatching(/^Nothing was del/) })
  })

  it('is a line of JSON with --json', async () => {
    await daemon(async () => deleted)
    const { code, out, err } = await gc('--json')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out.trimEnd()).not.toContain('\n')
    expect(JSON.parse(out)).toEqual({
      event: 'collected',
      dryRun: false,
      rows: [
        {
          taskId: 'a'.repeat(64),
          reason: 'expired',
          bytes: 2_048,
          idleMs: 5_000,
          application: '',
          tag: '',
        },
      ],
      omittedRows: 0,
      totals: { expired: { tasks: 1, bytes: 2_048 } },
      taskCount: 2,
      ownBytes: 4_096,
      freeBytes: 0,
      capacityBytes: 8_192,
      highBytes: 7_168,
      lowBytes: 6_144,
      freedBytes: 2_048,
      shortBytes: 0,
      skippedTasks: 0,
      failedTasks: 0,
    })
  })
})

describe('damselfly gc that fails', () => {
  it('tells what was deleted all the same when the disk refuses the rest', async () => {
    await daemon(async () => ({ ...deleted, failedTasks: 3n, failure: 'EROFS: read-only.' }))
    const { code, out, err } = await gc()
    expect({ code, out }).toEqual({ code: 5, out: told })
    expect(err).toMatch(/^error: 3 tasks could not be deleted: EROFS: read-only\. Look at the disk/)
    const lines = (await gc('--json')).out.trimEnd().split('\n')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { event: 'collected', failedTasks: 3, failure: 'EROFS: read-only.' },
      { event: 'error', code: 'DiskFailed', exitCode: 5 },
    ])
  })

  it('starts no daemon where none runs', async () => {
    const { code, out, err } = await runProgram('damselfly', ['gc'], { cwd })
    expect({ code, out }).toEqual({ code: 6, out: '' })
    expect(err).toMatch(/^error: No daemon runs: nobody answers on .*ondemand\.sock or .*\. Start/)
  })

  it.each([[['-e', './none.sock'], {}] as const, [[], { DAMSELFLY_ENDPOINT: './none.sock' }]])(
    'names the daemon that does not answer (%o, %o)',
    async (args, env) => {
      const { code, err } = await runProgram('damselfly', ['gc', ...args], { cwd, env })
      expect(code).toBe(6)
      expect(err).toMatch(/^error: The daemon at .*none\.sock \(named\) failed: .*; check that it/)
    },
  )

  it("says that Dragonfly's daemon cannot do it", async () => {
    await daemon()
    const { code, out, err } = await gc('--json')
    expect(code).toBe(1)
    expect(err).toMatch(/^error: The daemon at .* cannot be told to collect garbage: it is Dragon/)
    expect(JSON.parse(out)).toMatchObject({ event: 'error', code: 'Unimplemented', exitCode: 1 })
  })

  it("passes the daemon's own error on", async () => {
    await daemon(() => Promise.reject(new DfError('DiskFailed', 'The disk is gone.')))
    expect(await gc()).toMatchObject({ code: 5, out: '', err: 'error: The disk is gone.\n' })
  })
})

it('lets a daemon collect, as its configuration says', async () => {
  const origin = await startOrigin()
  onTestFinished(() => origin.stop())
  const swarm = await startConstellation({ scheduler: false, peers: 1 })
  onTestFinished(() => swarm.stop())
  const [before] = swarm.peers
  if (before === undefined) throw new Error('no peer')
  for (const [name, tag] of [
    ['/a', 'nightly'],
    ['/b', 'nightly'],
    ['/c', ''],
  ] as const) {
    const url = origin.put(name, { sizeBytes: 4 * mib, seed: name.charCodeAt(1) })
    await before.download(url, { download: { tag } })
  }
  await before.stop()
  const config = { gc: { quota: '100MiB', quotas: { tags: { nightly: '5MiB' } } } }
  const { daemon: member } = await swarm.start('peer', { as: before, config })
  const run = async (...args: readonly string[]) => {
    const context = fakeContext({ cwd, env: { DAMSELFLY_ENDPOINT: member.endpoints.socketPath } })
    expect(await damselfly(['gc', ...args], context), context.io.err()).toBe(0)
    return context.io.out()
  }
  const planned = JSON.parse(await run('--dry-run', '--json')) as { rows: [{ taskId: string }] }
  expect(planned).toMatchObject({
    event: 'planned',
    rows: [{ reason: 'quota', quota: 'tag:nightly', bytes: 4 * mib, tag: 'nightly' }],
    taskCount: 3,
    ownBytes: 12 * mib,
    capacityBytes: 100 * mib,
    freedBytes: 4 * mib,
    shortBytes: 0,
  })
  const done = await run()
  expect(done).toContain(planned.rows[0].taskId.slice(0, 12))
  expect(done).toContain('Deleted 1 task, 4 MiB: quota 1 (4 MiB).')
  expect(await run()).toMatch(/^Nothing was deleted\.\nThe store holds 8 MiB in 2 tasks\./)
})
