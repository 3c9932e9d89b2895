import { seededRandom } from '@damselfly/core'
import { createPolicy, type ParentPolicy, policyKinds, type SwarmView } from '@damselfly/policy'
import { ListSwarm } from '@damselfly/policy/testing'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { takeTurns } from './harness/interleave.ts'
import { median, percentile } from './harness/stats.ts'

const defaultRuns = 9
const swarmSizes = [100, 1_000, 10_000, 100_000]
const rackSize = 40
/** Twelve near, four far. */
const parentCount = 16
const decisionsPerRun = 10_000
/** The rule of Dragonfly's scheduler, in our code. */
const peerName = 'dragonfly'

interface Pass {
  readonly perSecond: number
  readonly p99Us: number
}

/** What a decision costs, by policy and size of the swarm. */
export const policy: Bench = {
  name: 'policy',
  title: `choosing ${parentCount} parents in swarms of ${swarmSizes[0]} to 100,000 peers, beside Dragonfly's rule`,
  async run(options: BenchOptions) {
    const { only = '', log } = options
    const names = policyKinds.map(({ name }) => name).filter((name) => name !== peerName)
    const chosen = names.filter((name) => name.includes(only))
    if (chosen.length === 0) {
      throw new BenchError(`--only must be part of: ${names.join(' · ')}`)
    }
    const cases: BenchCase[] = []
    for (const size of swarmSizes) {
      log(`${size} peers`)
      cases.push(...(await measure(size, chosen, options)))
    }
    return { bench: 'policy', cases }
  },
}

async function measure(
  size: number,
  names: readonly string[],
  { runs = defaultRuns, signal }: BenchOptions,
): Promise<BenchCase[]> {
  const view = usualSwarm(size)
  const sides = Object.fromEntries(
    [...names, peerName].map((name) => {
      const side = decider(createPolicy(name), view)
      side()
      return [name, async () => side()]
    }),
  )
  const passes = await takeTurns<typeof sides, Pass>(runs, sides, signal)
  const of = (name: string, what: (pass: Pass) => number) => median((passes[name] ?? []).map(what))
  return names.flatMap((name): BenchCase[] => [
    {
      name: `${name}, ${size} peers`,
      unit: 'decisions/s',
      ours: of(name, ({ perSecond }) => perSecond),
      peer: of(peerName, ({ perSecond }) => perSecond),
    },
    {
      name: `${name}, ${size} peers, p99`,
      unit: 'us',
      ours: of(name, ({ p99Us }) => p99Us),
      peer: of(peerName, ({ p99Us }) => p99Us),
      aim: '<= 50',
    },
  ])
}

/** Racks of forty in five data centres, everybody with some of 256 pieces and some children. */
function usualSwarm(size: number): SwarmView {
  const view = new ListSwarm({ capacity: size })
  const random = seededRandom(1)
  for (let i = 0; i < size; i++) {
    view.add({
      rack: 1 + (i % Math.ceil(size / rackSize)),
      idc: 1 + (i % 5),
      region: 1,
      have: 1 + Math.floor(random.next() * 255),
      outDegree: Math.floor(random.next() * 20),
      isSeed: i < 3,
    })
  }
  return view
}

/** Children take their turns in an order that no cache foresees. */
function decider(policy: ParentPolicy, view: SwarmView): () => Pass {
  const random = seededRandom(2)
  const out = new Int32Array(parentCount)
  const old = new Int32Array(0)
  const times = new Float64Array(decisionsPerRun)
  return () => {
    let child = 0
    const startedAt = performance.now()
    let before = startedAt
    for (let i = 0; i < decisionsPerRun; i++) {
      child = (child + 7919) % view.members.size
      policy.parents(view, child, parentCount, random, out, old)
      const now = performance.now()
      times[i] = now - before
      before = now
    }
    const seconds = (before - startedAt) / 1_000
    return { perSecond: decisionsPerRun / seconds, p99Us: 1_000 * percentile([...times], 99) }
  }
}
