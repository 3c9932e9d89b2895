import { seededRandom } from '@damselfly/core'
import { takeProcessTimers } from '../virtual/process-timers.ts'
import { Trace, type TracePrint } from '../virtual/trace.ts'
import { VirtualNetwork } from '../virtual/virtual-network.ts'
import { VirtualOrigin } from '../virtual/virtual-origin.ts'
import { VirtualTime } from '../virtual/virtual-time.ts'
import { begin, follow, type Outcome } from './client.ts'
import { Cluster, dataPort } from './cluster.ts'
import { checkDownloads, checkRest, checkSchedulers, type World } from './invariants.ts'
import { originProblems } from './origin-budget.ts'
import { playFaults } from './play-faults.ts'
import { drawScenario, type Scenario } from './scenario.ts'
import { watchRejections } from './watch-rejections.ts'

/** What one world came to. */
export interface SeedResult {
  readonly seed: number
  /** What was broken, a sentence each; empty when all is well. */
  readonly violations: readonly string[]
  /** The same for the same seed, on whichever machine. */
  readonly fingerprint: string
  readonly events: number
  readonly virtualMs: number
  readonly downloads: number
  /** Downloads that ended in an error that the scenario permits. */
  readonly permittedFailures: number
  readonly originBytes: number
  /** The longest that a download took when nothing was wrong any more, milliseconds. */
  readonly longestMs: number
}

/** After everything is healed a download may take so long, milliseconds of virtual time. */
export const patienceMs = 180_000
/**
 * What the end of a download leaves behind has to be tidied up by then: a scheduler notices after 80 s that a host went silent.
 */
const tidyMs = 100_000
const stopMs = 60_000

/** Plays one world from its seed to its end. */
export function runSeed(seed: number, print?: TracePrint): Promise<SeedResult> {
  return playWorld(drawScenario(seed), print)
}

/** The same for a world that was not drawn. */
export async function playWorld(scenario: Scenario, print?: TracePrint): Promise<SeedResult> {
  const time = new VirtualTime()
  using timers = takeProcessTimers(time)
  using rejections = watchRejections()
  const world = makeWorld(scenario, time, print)
  const violations: string[] = []
  try {
    // The session keeper of Connect waits a quarter of an hour beside a session that is closed already.
    for await (const problem of play(world, () => time.pending - timers.pending)) {
      violations.push(problem)
    }
  } catch (error) {
    violations.push(`The world cannot go on: ${error}`)
  }
  const { cluster, outcomes, trace, origin } = world
  violations.push(...rejections.problems, ...cluster.problems)
  return {
    seed: scenario.seed,
    violations,
    fingerprint: trace.fingerprint,
    events: trace.count,
    virtualMs: time.monotonic(),
    downloads: outcomes.length,
    permittedFailures: outcomes.filter(({ error }) => error !== undefined).length,
    longestMs: Math.max(0, ...outcomes.map((outcome) => healedTime(outcome, scenario))),
    originBytes: origin.reads.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

/** Lets everything happen and says what is wrong, as soon as it can be said. `ownTimers` counts those of our own code. */
async function* play(world: World, ownTimers: () => number): AsyncGenerator<string> {
  const { scenario, time, cluster, outcomes } = world
  for (const plan of scenario.hosts) time.schedule(1, () => cluster.start(plan))
  playFaults(scenario, { ...world, clock: time })
  planDownloads(world)
  await time.run(
    scenario.healedMs + patienceMs,
    () =>
      time.monotonic() > scenario.healedMs &&
      outcomes.every((outcome) => outcome.endMs !== undefined),
  )
  yield* checkDownloads(world)
  yield* originProblems(world)
  await time.run(time.monotonic() + tidyMs, () => false)
  yield* checkSchedulers(world)
  let hasStopped = false
  void cluster.stop().then(() => {
    hasStopped = true
  })
  await time.run(time.monotonic() + stopMs, () => hasStopped)
  if (!hasStopped) yield `The programs did not stop within ${stopMs} ms.`
  // Parcels that nobody waits for still have to arrive.
  await time.run(time.monotonic() + stopMs, () => ownTimers() === 0)
  yield* checkRest(world, ownTimers())
}

function healedTime({ startMs, endMs = 0 }: Outcome, { healedMs }: Scenario): number {
  return endMs - Math.max(startMs, healedMs)
}

function makeWorld(scenario: Scenario, time: VirtualTime, print: TracePrint | undefined): World {
  const names = new Map(scenario.hosts.map(({ address, name }) => [address, name]))
  const trace = new Trace(time, { names, ...(print === undefined ? {} : { print }) })
  const random = seededRandom(scenario.seed ^ 0x5bd1e995)
  const { latencyMs, originBytesPerMs, tasks } = scenario
  const network = new VirtualNetwork({ latencyMs, dataPort }, { time, random, trace })
  const origin = new VirtualOrigin(
    { bytesPerMs: originBytesPerMs },
    { clock: time, random, network, trace },
  )
  for (const { path, length } of tasks) origin.add(path, length)
  const cluster = new Cluster(scenario, { clock: time, network, origin, trace })
  return { scenario, time, trace, network, origin, cluster, outcomes: [] }
}

function planDownloads({ scenario, time, cluster, outcomes, trace }: World): void {
  for (const plan of scenario.downloads) {
    time.schedule(plan.atMs, () => {
      const life = cluster.life(plan.peer)
      // Nobody asks a host that is down, or just starting.
      if (life?.program === undefined || life.host.isDown) return
      const outcome = begin(plan, life, time)
      outcomes.push(outcome)
      trace.note('download', plan.peer, '', wanted(outcome))
      void follow(outcome, time).then(() =>
        trace.note('ended', plan.peer, '', `${wanted(outcome)} ${outcome.error ?? 'well'}`),
      )
    })
  }
}

function wanted({ plan: { task, range } }: Outcome): string {
  return range === undefined ? task.path : `${task.path} ${range.start}+${range.length}`
}
