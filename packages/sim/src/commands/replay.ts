import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { systemClock } from '@damselfly/core'
import { createPolicy } from '@damselfly/policy'
import { readSnapshot, replay, type Snapshot } from '@damselfly/scheduler'
import { type Command, UsageError } from './command.ts'

export const replayCommand: Command = {
  name: 'replay',
  usage: `replay FILE... --policy NAME [--params JSON] [--json]
  What a policy would have chosen in the decisions that a scheduler wrote down (decisions.jsonl), and what that costs.`,
  async run(args, out) {
    const { values, positionals } = parse(args)
    if (positionals.length === 0) throw new UsageError('Name a file that holds decisions.')
    const policy = createPolicy(values.policy, paramsOf(values.params))
    const { snapshots, passedOver } = await readAll(positionals)
    const compared = replay(snapshots, policy, { clock: systemClock })
    const report = { policy: policy.name, passedOver, ...compared }
    out.print(values.json ? JSON.stringify(report) : text(report))
    return 0
  },
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      policy: { type: 'string', default: 'default' },
      params: { type: 'string', default: '{}' },
      json: { type: 'boolean', default: false },
    },
  })
}

function paramsOf(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw new UsageError(`--params is no JSON: ${String(cause)}`)
  }
}

async function readAll(files: readonly string[]) {
  const snapshots: Snapshot[] = []
  let passedOver = 0
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      const snapshot = readSnapshot(jsonOf(line))
      if (snapshot === undefined) passedOver += 1
      else snapshots.push(snapshot)
    }
  }
  return { snapshots, passedOver }
}

/** `undefined` for a line that was cut off. */
function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

type Report = ReturnType<typeof replay> & { readonly policy: string; readonly passedOver: number }

function text({
  policy,
  passedOver,
  decisions,
  overlap,
  sameFirst,
  meanUs,
  p99Us,
}: Report): string {
  const rest = passedOver === 0 ? '' : `, lines that are none: ${passedOver}`
  return [
    `${policy}, asked again for ${decisions} decisions${rest}:`,
    `  ${percent(overlap)} of the parents and ${percent(sameFirst)} of the first ones are the same;`,
    `  a decision takes ${meanUs.toFixed(1)} us, 99 % of them at most ${p99Us.toFixed(1)} us.`,
  ].join('\n')
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
