export { BufferPool, type BufferPoolOptions, type BufferPoolStats } from './buffer-pool.ts'
export { defaultPieceTimeouts, fetchPiece, type PieceClientDeps } from './client.ts'
export {
  decodeError,
  decodeFrameHeader,
  decodePieceContent,
  decodeRequest,
  type ErrorFrameCode,
  encodeError,
  encodePieceContent,
  encodeRequest,
  errorFrameCodes,
  type FrameHeader,
  type FrameType,
  type PieceRequestFrame,
} from './codec.ts'
export type { PieceHeader, PieceSink, ServedPiece, TaskFamily } from './piece.ts'
export type { PieceFetch, PieceTimeouts } from './piece-reception.ts'
export {
  type PieceServer,
  type PieceServerConfig,
  type PieceServerDeps,
  startPieceServer,
} from './server.ts'
