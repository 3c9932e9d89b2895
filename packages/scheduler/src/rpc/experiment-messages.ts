import type { JsonObject, MessageInitShape } from '@bufbuild/protobuf'
import type {
  ExperimentSpec,
  ExperimentStatusSchema,
  GuardrailSchema,
  JudgementSchema,
  ShadowReportSchema,
  SwarmRecordSchema,
} from '@damselfly/api/experiment'
import type { Experiment } from '../experiments/experiment.ts'
import type { ExperimentStatus } from '../experiments/experiments.ts'
import type { GuardrailReport } from '../experiments/judge/guardrails.ts'
import type { Judgement } from '../experiments/judge/judge.ts'
import type { ShadowReport } from '../experiments/shadow/shadow.ts'
import type { SwarmRecord } from '../experiments/swarm-record.ts'

/** What `Experiments.start` wants; zero and empty are the same as absent. */
export function toSpec(spec: ExperimentSpec | undefined): unknown {
  if (spec === undefined) return undefined
  const { name, salt, candidates, controlWeight, minPeers, maxSwarmsPerArm, margins } = spec
  return {
    name,
    ...(salt === '' ? {} : { salt }),
    candidates: candidates.map(({ policy, client, weight, ...candidate }) => ({
      name: candidate.name,
      ...(policy === undefined
        ? {}
        : { policy: { name: policy.name, params: policy.params ?? {} } }),
      client,
      ...(weight === 0 ? {} : { weight }),
    })),
    ...(controlWeight === 0 ? {} : { controlWeight }),
    ...(minPeers === 0 ? {} : { minPeers }),
    ...(maxSwarmsPerArm === 0 ? {} : { maxSwarmsPerArm }),
    margins,
  }
}

export function fromStatus(
  status: ExperimentStatus,
): MessageInitShape<typeof ExperimentStatusSchema> {
  const { experiment, startedAt, stoppedAt, swarms, judgements } = status
  return {
    experiment: fromExperiment(experiment),
    isRunning: stoppedAt === undefined,
    startedAt: BigInt(startedAt),
    stoppedAt: BigInt(stoppedAt ?? 0),
    swarms: BigInt(swarms),
    judgements: judgements.map(fromJudgement),
  }
}

function fromExperiment({ arms, ...experiment }: Experiment) {
  const [control, ...candidates] = arms
  return {
    ...experiment,
    controlWeight: control.weight,
    candidates: candidates.map(({ name, policy, client, weight }) => ({
      name,
      // Checked by its schema: it came as JSON.
      ...(policy && { policy: { name: policy.name, params: policy.params as JsonObject } }),
      client,
      weight,
    })),
  }
}

function fromJudgement(judgement: Judgement): MessageInitShape<typeof JudgementSchema> {
  const { candidate, swarms, effect, guardrails, sampleRatioP, verdict, cause, reasons } = judgement
  return {
    candidate,
    controlSwarms: BigInt(swarms.control),
    candidateSwarms: BigInt(swarms.candidate),
    ...(effect && {
      effect: { difference: effect.difference, ...effect.interval, pValue: effect.pValue },
    }),
    guardrails: guardrails.map(fromGuardrail),
    sampleRatioP,
    verdict,
    cause,
    reasons: [...reasons],
  }
}

const fromGuardrail = (report: GuardrailReport): MessageInitShape<typeof GuardrailSchema> => ({
  name: report.name,
  state: report.state,
  margin: report.margin,
  isWatched: report.isWatched,
  ...(report.difference === undefined ? {} : { difference: report.difference }),
  ...report.interval,
})

export const fromShadow = (report: ShadowReport): MessageInitShape<typeof ShadowReportSchema> => ({
  ...report,
  decisions: BigInt(report.decisions),
  skipped: BigInt(report.skipped),
  failures: BigInt(report.failures),
})

export function fromRecord(record: SwarmRecord): MessageInitShape<typeof SwarmRecordSchema> {
  const { bornAt, endedAt, peers, failedPeers, contentLength, pieceCount } = record
  const { bytes, crossIdcBytes, ...rest } = record
  return {
    ...rest,
    bornAt: BigInt(bornAt),
    endedAt: BigInt(endedAt),
    peers: BigInt(peers),
    failedPeers: BigInt(failedPeers),
    contentLength: BigInt(contentLength),
    pieceCount: BigInt(pieceCount),
    ...(bytes && {
      bytes: {
        origin: BigInt(bytes.origin),
        seed: BigInt(bytes.seed),
        near: BigInt(bytes.near),
        far: BigInt(bytes.far),
      },
    }),
    ...(crossIdcBytes === undefined ? {} : { crossIdcBytes: BigInt(crossIdcBytes) }),
  }
}
