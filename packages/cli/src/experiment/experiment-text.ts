import type { Io } from '../io.ts'
import { renderTable } from '../output/table.ts'
import { printable } from '../output/text.ts'
import type {
  CandidateFacts,
  ExperimentFacts,
  GuardrailFacts,
  ShadowFacts,
  StatusFacts,
} from './experiment-facts.ts'

type Terminal = Pick<Io, 'isTty' | 'columns'>

/** What is known, for a person. */
export function statusText({ experiment, shadow }: StatusFacts, terminal: Terminal): string {
  const parts = [
    experiment === undefined
      ? 'There has been no experiment.\n'
      : experimentText(experiment, terminal),
    ...(shadow === undefined ? [] : [shadowText(shadow)]),
  ]
  return parts.join('\n')
}

export function experimentText(facts: ExperimentFacts, terminal: Terminal): string {
  const { name, isRunning, startedAt, stoppedAt, swarms, minPeers, candidates } = facts
  const state = isRunning
    ? `runs since ${startedAt}`
    : `ran from ${startedAt} to ${stoppedAt ?? ''}`
  const head = `Experiment ${printable(name)} ${state}; ${swarms} swarms ended, those of ${minPeers} peers and more count.\n`
  return [head, ...candidates.map((candidate) => candidateText(candidate, terminal))].join('\n')
}

function candidateText(facts: CandidateFacts, { isTty, columns }: Terminal): string {
  const { candidate, swarms, effect, guardrails, verdict, cause, reasons } = facts
  const lines = [
    `${printable(candidate)}: ${printable(verdict).toUpperCase()} (${printable(cause)})`,
    ...reasons.map((reason) => `  ${printable(reason)}`),
    `  ${swarms.control} swarms of the control, ${swarms.candidate} of ${printable(candidate)}.`,
    ...(effect === undefined ? [] : [`  ${effectText(effect)}`]),
  ]
  const rows = guardrails.map((guardrail) => guardrailRow(guardrail))
  const table = renderTable(guardrailColumns, rows, isTty ? { columns } : {})
  return `${lines.join('\n')}\n\n${table}`
}

function effectText({ difference, low, high, pValue }: NonNullable<CandidateFacts['effect']>) {
  return `Time of downloads ${relative(difference)}, surely between ${relative(low)} and ${relative(high)}; p ${pValue.toPrecision(2)}.`
}

const guardrailColumns = [
  { title: 'GUARDRAIL' },
  { title: 'STATE' },
  { title: 'CHANGE', align: 'right' },
  { title: 'SURELY BETWEEN', align: 'right' },
  { title: 'ALLOWED', align: 'right' },
] as const

function guardrailRow({ name, state, margin, isWatched, difference, low, high }: GuardrailFacts) {
  const between =
    low === undefined || high === undefined ? '' : `${percent(low)} and ${percent(high)}`
  return [
    isWatched ? `${name} (watched)` : name,
    state,
    difference === undefined ? '' : percent(difference),
    between,
    percent(margin),
  ]
}

function shadowText(shadow: ShadowFacts): string {
  const { candidate, decisions, overlap, sameFirst, meanUs, p99Us, skipped, failures } = shadow
  return [
    `On trial beside the policy in use: ${printable(candidate)}, asked for ${decisions} decisions.`,
    `  ${percent(overlap, '')} of the parents and ${percent(sameFirst, '')} of the first ones are the same.`,
    `  A decision takes ${meanUs.toFixed(1)} us, 99 % of them at most ${p99Us.toFixed(1)} us.`,
    `  ${skipped} passed over because the scheduler was late, ${failures} failed.`,
    '',
  ].join('\n')
}

/** Of a logarithm. */
const relative = (log: number): string => percent(Math.expm1(log))

function percent(value: number, plus = '+'): string {
  return `${value > 0 ? plus : ''}${(value * 100).toFixed(1)} %`
}
