export { type DiskStoreOptions, openDiskStore } from './disk/open-disk-store.ts'
export type {
  ExportMethod,
  ExportOptions,
  PieceFacts,
  PieceRecord,
  PieceStore,
  PieceWriter,
  StoredTask,
  TaskSpec,
  TrafficType,
} from './store.ts'
