import type { UpFile } from '../local/up-file.ts'
import { renderTable } from '../output/table.ts'
import type { UpPlan } from './up-plan.ts'

/** What `up` prints when everything answers. */
export function upText(up: UpFile, plan: UpPlan, dataRoot: string, columns: number): string {
  const rows = [
    ['scheduler', up.scheduler, 'daemons that join'],
    ['peer', up.peer.socketPath, 'downloads of this user'],
    ['peer', up.peer.grpc, 'scheduler and other daemons'],
    ['peer', up.peer.pieces, 'pieces for other daemons'],
    ['peer', `http://${up.peer.health}/healthy`, 'health'],
    ['peer', `http://${up.peer.metrics}/metrics`, 'metrics'],
    ['seed', up.seed.grpc, 'scheduler and other daemons'],
    ['seed', up.seed.pieces, 'pieces for other daemons'],
    ['seed', `http://${up.seed.health}/healthy`, 'health'],
    ['seed', `http://${up.seed.metrics}/metrics`, 'metrics'],
  ]
  const table = renderTable([{ title: 'ROLE' }, { title: 'ADDRESS' }, { title: 'FOR' }], rows, {
    columns: columns - 2,
  })
  return [
    `Damselfly is up. Data and logs are in ${dataRoot}`,
    '',
    ...table
      .trimEnd()
      .split('\n')
      .map((line) => `  ${line}`),
    '',
    ...plan.notes,
    ...(plan.notes.length > 0 ? [''] : []),
    'Try it in another terminal:  damselfly get URL -O FILE',
    ...joinHint(up, plan),
    'Ctrl-C stops it.',
    '',
  ].join('\n')
}

function joinHint(up: UpFile, { host }: UpPlan): string[] {
  if (host.startsWith('127.') || host === '::1') return []
  return [`On another host:             damselfly get URL -O FILE --scheduler ${up.scheduler}`]
}
