// Cuts the power of a store many times. Usage: node packages/storage/test/power-cut/many-cuts.ts [cuts] [first seed]
import { cutPower, cutVariants } from './power-cut.ts'

const [cuts = 2000, first = 1] = process.argv.slice(2).map(Number)
const failures: string[] = []
for (let seed = first; seed < first + cuts; seed++) {
  for (const mode of cutVariants) {
    await cutPower(seed, mode).catch((error) => failures.push(`${mode} ${seed}: ${error.message}`))
  }
}
const lines = [...failures, `${cutVariants.length * cuts} power cuts, ${failures.length} failures`]
process.stdout.write(`${lines.join('\n')}\n`)
process.exitCode = failures.length === 0 ? 0 : 1
