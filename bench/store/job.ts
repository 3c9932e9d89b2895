import { collect } from './collection-job.ts'
import { openRecords, prepareRecords, type RecordsShape } from './records-job.ts'

// The program of a process of its own: the job is its argument, the answer goes to standard output.

export type Job =
  | ({ readonly job: 'prepare'; readonly dir: string } & RecordsShape)
  | { readonly job: 'open'; readonly dir: string }
  | { readonly job: 'collect'; readonly dir: string; readonly tasks: number }

const job: Job = JSON.parse(process.argv[2] ?? '')
console.log(JSON.stringify((await run(job)) ?? {}))

function run(given: Job): Promise<unknown> {
  switch (given.job) {
    case 'prepare':
      return prepareRecords(given.dir, given)
    case 'open':
      return openRecords(given.dir)
    case 'collect':
      return collect(given.dir, given.tasks)
    default:
      return given satisfies never
  }
}
