export type { ContentPlace, PieceSeal } from './place/content-place.ts'
export { type OpenPlace, openPlace } from './place/open-place.ts'
export { PlacedPieceReader } from './place/placed-reader.ts'
export { type FinishedPiece, PlacedPieceWriter } from './place/placed-writer.ts'
