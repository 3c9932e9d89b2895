import type { Experiments as Service } from '@damselfly/api/experiment'
import { DfError } from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { RunningExperiments } from '../experiments/start-experiments.ts'
import { fromRecord, fromShadow, fromStatus, toSpec } from './experiment-messages.ts'

const USUAL_PAGE = 100
const LARGEST_PAGE = 1_000

/** damselfly.v1.Experiments. */
export function experimentsService({
  experiments,
  shadowReport,
}: RunningExperiments): ServiceImpl<typeof Service> {
  return {
    startExperiment: ({ experiment }) => ({
      status: fromStatus(experiments.start(toSpec(experiment))),
    }),
    getExperiment() {
      const status = experiments.status()
      const shadow = shadowReport()
      return {
        ...(status && { status: fromStatus(status) }),
        ...(shadow && { shadow: fromShadow(shadow) }),
      }
    },
    stopExperiment: () => ({ status: fromStatus(experiments.stop()) }),
    listSwarmRecords({ pageSize, pageToken, arm }) {
      const size = Math.min(pageSize === 0 ? USUAL_PAGE : pageSize, LARGEST_PAGE)
      const page = experiments.recordsBefore(positionOf(pageToken), size, arm)
      return {
        records: page.records.map(fromRecord),
        nextPageToken: page.next === undefined ? '' : String(page.next),
      }
    },
  }
}

function positionOf(pageToken: string): number {
  if (pageToken === '') return Number.POSITIVE_INFINITY
  if (/^\d{1,15}$/.test(pageToken)) return Number(pageToken)
  throw new DfError('InvalidArgument', `The page token "${pageToken}" is none of ours.`)
}
