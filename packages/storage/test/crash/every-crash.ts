// Kills a store's process at every passing of every point of its protocol, in every variant, and checks what is left.
// Usage: node packages/storage/test/crash/every-crash.ts [variant...]
import { availableParallelism } from 'node:os'
import type { CrashPointName } from '../../src/index.ts'
import { crashAt, passings } from './crash-run.ts'
import { type Variant, variants } from './scenario.ts'

interface Crash {
  readonly variant: Variant
  readonly name: CrashPointName
  readonly passing: number
}

const known = Object.keys(variants) as Variant[]
const asked = process.argv.slice(2)
const queue: Crash[] = []
for (const variant of known) {
  if (asked.length > 0 && !asked.includes(variant)) continue
  for (const [name, count] of await passings(variant)) {
    for (let passing = 1; passing <= count; passing++) queue.push({ variant, name, passing })
  }
}
const total = queue.length
const failures: string[] = []
const lane = async (): Promise<void> => {
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    const { variant, name, passing } = next
    await crashAt(variant, name, passing).catch((error) => {
      failures.push(`${variant} ${name} (${passing}): ${error.message}`)
    })
  }
}
await Promise.all(Array.from({ length: availableParallelism() + 1 }, lane))
const lines = [...failures, `${total} crashes, ${failures.length} failures`]
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
