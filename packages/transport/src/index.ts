export { BufferPool, type BufferPoolOptions, type BufferPoolStats } from './buffer-pool.ts'
export {
  decodeError,
  decodeFrameHeader,
  decodeKeptRequest,
  decodePieceContent,
  decodeRequest,
  type ErrorFrameCode,
  encodeError,
  encodePieceContent,
  encodeRequest,
  errorFrameCodes,
  type FrameHeader,
  type FrameType,
  type KeptRequest,
  type PieceRequestFrame,
} from './codec.ts'
export {
  CompressionPolicy,
  type CompressionPolicyOptions,
  type CompressionStats,
  type LevelSample,
  maxSampleBytes,
  minSampleBytes,
  takeSample,
} from './compression-policy.ts'
export { makePeerIdentity } from './identity.ts'
export { isPackingAvailable } from './packed-blocks.ts'
export { PeerLinks, type PeerLinksDeps, type PeerLinksStats } from './peer-links.ts'
export { defaultPieceTimeouts, type PeerLinksOptions } from './peer-links-options.ts'
export type {
  FetchedPiece,
  PeerAddress,
  PeerFeatures,
  PieceFetch,
  PieceHeader,
  PieceSink,
  ServedPiece,
  TaskFamily,
} from './piece.ts'
export type { UploadLink } from './piece-connection.ts'
export type { PieceTimeouts } from './piece-link.ts'
export { RateLimit } from './rate-limit.ts'
export { followRateTable, parseRateTable, type RatePeriod, rateAt } from './rate-table.ts'
export type { MinRate } from './rate-watch.ts'
export { type PeerIdentity, type SecureNetwork, systemSecureNetwork } from './secure.ts'
export {
  type ListenAddress,
  type PieceServer,
  type PieceServerConfig,
  type PieceServerDeps,
  type SecurePort,
  startPieceServer,
} from './server.ts'
export {
  type Upload,
  UploadGovernor,
  type UploadGovernorDeps,
  type UploadGovernorOptions,
  type UploadGovernorStats,
} from './upload-governor.ts'
