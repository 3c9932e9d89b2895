import { type Bench, BenchError, type BenchOptions } from './harness/bench.ts'
import { core } from './scheduler/core.ts'
import { wire } from './scheduler/wire.ts'

const parts = [
  { name: 'core', run: core },
  { name: 'gRPC', run: wire },
] as const

/** What one scheduler can do: one thread, so one processor. */
export const scheduler: Bench = {
  name: 'scheduler',
  title: 'the scheduler: decisions, memory, messages, lag',
  async run(options: BenchOptions) {
    const { only = '' } = options
    const chosen = parts.filter(({ name }) => name.includes(only))
    if (chosen.length === 0) {
      throw new BenchError(`--only must be part of: ${parts.map(({ name }) => name).join(' · ')}`)
    }
    const cases = []
    for (const part of chosen) cases.push(...(await part.run(options)))
    return { bench: 'scheduler', cases }
  },
}
