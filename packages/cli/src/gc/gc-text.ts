import { formatBytes, formatDuration } from '@damselfly/core'
import type { Io } from '../io.ts'
import { renderTable, type TableColumn } from '../output/table.ts'
import { printable } from '../output/text.ts'
import type { Garbage, GarbageRow } from './garbage.ts'

/** Enough to tell tasks apart; `--json` has all of it. */
const idLength = 12

interface Column extends TableColumn {
  readonly of: (row: GarbageRow) => string
  /** Left out when it would be empty. */
  readonly isOptional?: boolean
}

const columns: readonly Column[] = [
  { title: 'TASK', of: ({ taskId }) => taskId.slice(0, idLength) },
  { title: 'REASON', of: ({ reason, quota }) => [reason, quota ?? ''].join(' ').trim() },
  { title: 'SIZE', align: 'right', of: ({ bytes }) => formatBytes(bytes) },
  { title: 'IDLE', align: 'right', of: ({ idleMs }) => formatDuration(idleMs) },
  { title: 'APPLICATION', of: ({ application }) => application, isOptional: true },
  { title: 'TAG', of: ({ tag }) => tag, isOptional: true },
]

/** What went and why, for a person. */
export function gcText(found: Garbage, { isTty, columns: width }: Pick<Io, 'isTty' | 'columns'>) {
  const lines = [sum(found), ...remarks(found), room(found)]
  return `${table(found, isTty ? { columns: width } : {})}${lines.join('\n')}\n`
}

/** `1 task`, `2 tasks`. */
export const count = (amount: number, what: string): string =>
  `${amount} ${what}${amount === 1 ? '' : 's'}`

function table({ rows, omittedRows }: Garbage, options: { columns?: number }): string {
  if (rows.length === 0) return ''
  const shown = columns.filter(({ of, isOptional }) => !isOptional || rows.some((row) => of(row)))
  const cells = rows.map((row) => shown.map(({ of }) => of(row)))
  const rest = omittedRows > 0 ? `... and ${omittedRows} more\n` : ''
  return `${renderTable(shown, cells, options)}${rest}\n`
}

function sum({ dryRun, totals, freedBytes }: Garbage): string {
  const reasons = Object.entries(totals)
  const tasks = reasons.reduce((all, [, total]) => all + total.tasks, 0)
  if (tasks === 0) return dryRun ? 'Nothing would be deleted.' : 'Nothing was deleted.'
  const parts = reasons.map(
    ([reason, total]) => `${printable(reason)} ${total.tasks} (${formatBytes(total.bytes)})`,
  )
  const verb = dryRun ? 'Would delete' : 'Deleted'
  return `${verb} ${count(tasks, 'task')}, ${formatBytes(freedBytes)}: ${parts.join(', ')}.`
}

function* remarks({ shortBytes, skippedTasks }: Garbage): Generator<string> {
  if (skippedTasks > 0)
    yield `${count(skippedTasks, 'task')} stayed: used, pinned or gone before their turn came.`
  if (shortBytes > 0)
    yield `${formatBytes(shortBytes)} more should go, but are pinned, in use or persistent.`
}

function room(found: Garbage): string {
  const { dryRun, taskCount, ownBytes, freedBytes, capacityBytes, highBytes, lowBytes } = found
  const left = dryRun || freedBytes === 0 ? '' : `, ${formatBytes(ownBytes - freedBytes)} now`
  const held = `${dryRun || left === '' ? 'holds' : 'held'} ${formatBytes(ownBytes)} in ${count(taskCount, 'task')}${left}`
  return `The store ${held}. Its capacity is ${formatBytes(capacityBytes)}: from ${formatBytes(highBytes)} on it deletes down to ${formatBytes(lowBytes)}.`
}
