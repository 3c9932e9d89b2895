import { parseArgs } from 'node:util'
import { plantedBugs } from '../fuzz/planted/bugs.ts'
import { findBug } from '../fuzz/planted/find-bug.ts'
import { type Command, positiveInteger } from './command.ts'

export const plantedCommand: Command = {
  name: 'planted',
  usage: `planted [--seeds N] [--json]
  Plants bugs in copies of the sources, one at a time, and lets fuzz look for them: it has to be able to fail.
  --seeds N   how many worlds it may take, 200 unless told`,
  async run(args, out) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seeds: { type: 'string', default: '200' },
        json: { type: 'boolean', default: false },
      },
    })
    const worlds = positiveInteger(values.seeds, '--seeds')
    const results = []
    for (const bug of plantedBugs) {
      out.note(`planting: ${bug.what}`)
      const { name, what } = bug
      results.push({ name, what, found: await findBug(bug, worlds) })
    }
    const lines = results.map(({ name, what, found }) => {
      if (found === undefined) return `${name}: ${what}: NOT FOUND in ${worlds} worlds`
      return `${name}: ${what}: found in world ${found.seed}: ${found.violations[0]}`
    })
    out.print(values.json ? JSON.stringify({ bugs: results }) : lines.join('\n'))
    return results.every(({ found }) => found !== undefined) ? 0 : 1
  },
}
