import type { ClientParams } from '@damselfly/daemon/swarm'
import { policyKinds } from '@damselfly/policy'
import { DragonflySwarm } from './dragonfly/dragonfly-swarm.ts'
import { contentBytes, type Scenario } from './scenarios/scenario.ts'
import { DamselflySwarm } from './swarm/damselfly-swarm.ts'
import { createSwarmRun } from './world/swarm-run.ts'
import type { RunOutcome } from './world/tally.ts'

/** The arm that is Dragonfly as a whole, scheduler and client. */
export const DRAGONFLY = 'dragonfly'
/** The arm that is Dragonfly's rule for parents in our scheduler, with our client. */
const DRAGONFLY_PARENTS = 'dragonfly-parents'

/** Everything that can be compared: our policies with our scheduler and client, and the two above. */
export const arms: readonly string[] = [
  ...policyKinds.map(({ name }) => (name === 'dragonfly' ? DRAGONFLY_PARENTS : name)),
  DRAGONFLY,
]

export interface RunOptions {
  /** One of `arms`. */
  readonly policy: string
  readonly seed: number
  /** What clients do other than what the scheduler tells them. */
  readonly client?: Partial<ClientParams>
}

/** What a run came to. The same scenario and options give the same one, to the last bit. */
export interface RunResult extends RunOutcome {
  readonly scenario: string
  readonly policy: string
  readonly seed: number
  readonly contentBytes: number
  /** Bytes that came in vain: the piece was there, or came from somebody else meanwhile. */
  readonly wastedBytes: number
  /** Answers with parents. */
  readonly decisions: number
  readonly events: number
}

/** A run that takes longer than so many bounds is ended; peers that have not finished are counted. */
const MAX_BOUNDS = 60

/** Runs one swarm from its first event to the moment in which the last peer is done. */
export function runScenario(scenario: Scenario, options: RunOptions): RunResult {
  const run = createSwarmRun(scenario, options.seed)
  const policy = options.policy === DRAGONFLY_PARENTS ? 'dragonfly' : options.policy
  const swarm =
    options.policy === DRAGONFLY
      ? new DragonflySwarm(run)
      : new DamselflySwarm(run, { ...options, policy })
  run.world.run(swarm, MAX_BOUNDS * run.population.boundMs)
  const outcome = run.tally.outcome()
  return {
    ...outcome,
    wastedBytes: swarm.wastedBytes,
    scenario: scenario.name,
    policy: options.policy,
    seed: options.seed,
    contentBytes: contentBytes(scenario),
    decisions: swarm.decisions,
    events: run.world.eventCount,
  }
}
