export { type CrashPoint, type CrashPointName, crashPoints } from './engine/crash-points.ts'
export type { Content, ContentRequest, Medium } from './media/medium.ts'
export type { MediumModule } from './media/plug-in.ts'
export type { KeyFor } from './media/sealed-medium.ts'
export type { MediaOptions } from './open-media.ts'
export { openStore, type StoreOptions } from './open-store.ts'
export type { ContentPlace, PieceSeal } from './place/content-place.ts'
export { placeWithin } from './place/place-within.ts'
export type {
  ContentCopier,
  ContentCopy,
  CreateOptions,
  DroppedPiece,
  ExpectedDigests,
  ExportMethod,
  ExportOptions,
  PieceFacts,
  PieceRecord,
  PieceReservation,
  PieceStore,
  PieceWriter,
  Retention,
  StoredTask,
  TaskSpec,
  TrafficType,
} from './store.ts'
