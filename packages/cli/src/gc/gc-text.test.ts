import { expect, it } from 'vitest'
import type { Garbage, GarbageRow } from './garbage.ts'
import { gcText } from './gc-text.ts'

const mib = 1024 * 1024
const hourMs = 3_600_000

const row = (change: Partial<GarbageRow> = {}): GarbageRow => ({
  taskId: `0123456789ab${'0'.repeat(52)}`,
  reason: 'expired',
  bytes: 100 * mib,
  idleMs: 30 * 24 * hourMs,
  application: '',
  tag: '',
  ...change,
})

const nothing: Garbage = {
  dryRun: true,
  rows: [],
  omittedRows: 0,
  totals: {},
  taskCount: 1,
  ownBytes: 300 * mib,
  freeBytes: 700 * mib,
  capacityBytes: 1_000 * mib,
  highBytes: 800 * mib,
  lowBytes: 600 * mib,
  freedBytes: 0,
  shortBytes: 0,
  skippedTasks: 0,
  failedTasks: 0,
}

const some: Garbage = {
  ...nothing,
  rows: [row(), row({ reason: 'quota', quota: 'application:ml', bytes: 512, idleMs: 1_500 })],
  totals: { expired: { tasks: 1, bytes: 100 * mib }, quota: { tasks: 1, bytes: 512 } },
  taskCount: 3,
  freedBytes: 100 * mib,
}

const text = (change: Partial<Garbage>, base = some, columns = 200) =>
  gcText({ ...base, ...change }, { isTty: true, columns })

it('shows what would go and why', () => {
  expect(text({})).toBe(
    [
      'TASK          REASON                   SIZE  IDLE',
      '0123456789ab  expired               100 MiB   30d',
      '0123456789ab  quota application:ml    512 B  1.5s',
      '',
      'Would delete 2 tasks, 100 MiB: expired 1 (100 MiB), quota 1 (512 B).',
      'The store holds 300 MiB in 3 tasks. Its capacity is 1000 MiB: from 800 MiB on it deletes down to 600 MiB.',
      '',
    ].join('\n'),
  )
})

it('says what went, and what the store holds now', () => {
  expect(text({ dryRun: false })).toMatch(
    /\nDeleted 2 tasks, 100 MiB: .*\nThe store held 300 MiB in 3 tasks, 200 MiB now\. Its/,
  )
})

it.each([
  [true, 'Nothing would be deleted.'],
  [false, 'Nothing was deleted.'],
])('says that there is nothing to do (dry run: %s)', (dryRun, expected) => {
  expect(text({ dryRun }, nothing)).toBe(
    `${expected}\nThe store holds 300 MiB in 1 task. Its capacity is 1000 MiB: from 800 MiB on it deletes down to 600 MiB.\n`,
  )
})

it('has columns for applications and tags where there are any', () => {
  const titles = (rows: GarbageRow[]) => text({ rows }).split('\n')[0]?.split(/ +/).slice(4)
  expect(titles([row(), row({ tag: 'nightly' })])).toEqual(['TAG'])
  expect(titles([row({ application: 'ml', tag: 't' })])).toEqual(['APPLICATION', 'TAG'])
})

it('says how many more there are than it shows', () => {
  expect(text({ omittedRows: 7 })).toContain('\n... and 7 more\n\nWould')
})

it('says what stayed although it should go', () => {
  const lines = text({ shortBytes: 5 * mib, skippedTasks: 1 }).split('\n')
  expect(lines).toContain('5 MiB more should go, but are pinned, in use or persistent.')
  expect(lines).toContain('1 task stayed: used, pinned or gone before their turn came.')
})

it('lets no name move the cursor, and keeps to the terminal', () => {
  const rows = [row({ application: `\u001b[2J${'long'.repeat(30)}` })]
  const lines = text({ rows }, some, 80).split('\n').slice(0, 2)
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(80)
  expect(lines.join()).not.toContain('\u001b')
})

it('cuts nothing where there is no terminal', () => {
  const application = 'long'.repeat(30)
  const whole = gcText({ ...some, rows: [row({ application })] }, { isTty: false, columns: 80 })
  expect(whole).toContain(application)
})
