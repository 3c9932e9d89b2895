export {
  type DaemonClient,
  type DownloadProgress,
  type DownloadToOptions,
  downloadTo,
} from './download/download-to.ts'
export { type Giver, type Shares, SharesTracker } from './download/shares-tracker.ts'
export type { CommandContext, Io, Output } from './io.ts'
export { averageRate, type DownloadSummary, formatShares, summaryLine } from './output/summary.ts'
export { type Cell, renderTable, type TableColumn, type TableOptions } from './output/table.ts'
