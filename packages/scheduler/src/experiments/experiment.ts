import type { ClientParams } from '@damselfly/policy'

/** What the scheduler may tell clients of one arm to do differently; the names are those of the client parameters. */
export const clientParameterNames = [
  'concurrency',
  'maxConcurrency',
  'window',
  'farGraceMs',
  'hedgeFactor',
  'stallMs',
  'starvedMs',
] as const satisfies readonly (keyof ClientParams)[]

export type ClientOverrides = Readonly<Partial<Pick<ClientParams, ClientParameterName>>>

type ClientParameterName = (typeof clientParameterNames)[number]

export interface PolicyChoice {
  readonly name: string
  /** As its own schema wants them. */
  readonly params: Readonly<Record<string, unknown>>
}

/** One of the ways that are compared. */
export interface Arm {
  readonly name: string
  /** Absent = the policy that the scheduler is configured with. */
  readonly policy?: PolicyChoice
  readonly client: ClientOverrides
  /** Its share of the swarms, relative to the other arms. */
  readonly weight: number
}

/** What nothing may get worse at, whatever the gain: see guardrails.ts. */
export const guardrailNames = [
  'p99',
  'failures',
  'origin',
  'seed',
  'crossRack',
  'crossIdc',
  'decision',
  'clientCpu',
] as const

export type GuardrailName = (typeof guardrailNames)[number]

/**
 * A comparison of scheduling policies on live traffic. Swarms are the unit: everything that peers of one swarm do, they do to
 * each other, so a policy given to some of them shows in all of them and the difference between peers says next to nothing.
 */
export interface Experiment {
  readonly name: string
  /** Decides, with the weights, which swarm gets which arm. */
  readonly salt: string
  /** The first is the control: what the scheduler does without an experiment. */
  readonly arms: readonly [Arm, ...Arm[]]
  /** Smaller swarms are not counted. */
  readonly minPeers: number
  /** An arm with so many swarms has had its chance. */
  readonly maxSwarmsPerArm: number
  /** Other margins than the usual ones. */
  readonly margins: Readonly<Partial<Record<GuardrailName, number>>>
}

export const CONTROL = 'control'
