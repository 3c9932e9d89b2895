import type { PeerFeatures } from '@damselfly/transport'
import type { DownloadContext } from '../download/download-context.ts'
import type { Downloads } from '../download/downloads.ts'
import type { DaemonMetrics } from '../metrics.ts'
import type { StoreCare } from '../store-care/start-store-care.ts'
import type { TrafficMeter } from '../upload/traffic-meter.ts'

/** What the RPC handlers of this daemon work with. */
export interface DaemonContext extends DownloadContext {
  readonly downloads: Downloads
  readonly storeCare: Pick<StoreCare, 'collect' | 'dryRun'>
  readonly metrics: DaemonMetrics
  readonly sent: TrafficMeter
  readonly received: TrafficMeter
  /** How our own kind of children can fetch them. */
  readonly offer: PeerFeatures & { readonly tlsRequired?: boolean }
  /** Where children fetch pieces. */
  readonly pieceAddress: () => { readonly ip: string; readonly tcpPort: number }
  /** Others may fetch pieces from this host. */
  readonly isSharing: boolean
  readonly limits: { readonly maxTxBytesPerSec: number; readonly maxRxBytesPerSec: number }
  /** Something was asked of this daemon; keeps a non-resident one alive until the returned function is called. */
  readonly busy: () => () => void
  /** Tells every scheduler that this host leaves the swarm. */
  readonly leave: () => Promise<void>
}
