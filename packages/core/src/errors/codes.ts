import type { Blame } from './df-error.ts'

interface ErrorTraits {
  blame: Blame
  retryable: boolean
  /** Canonical gRPC status name (google.rpc.Code). */
  grpc: GrpcStatus
  /** Exit code of the command line programs; documented in docs/exit-codes.md. */
  exit: number
}

export type GrpcStatus =
  | 'InvalidArgument'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'ResourceExhausted'
  | 'FailedPrecondition'
  | 'Unimplemented'
  | 'Internal'
  | 'Unavailable'
  | 'DeadlineExceeded'
  | 'Canceled'
  | 'DataLoss'

const traits = (blame: Blame, retryable: boolean, grpc: GrpcStatus, exit: number): ErrorTraits => ({
  blame,
  retryable,
  grpc,
  exit,
})

/** One table: code, who is to blame, whether trying again can help, gRPC status and CLI exit code. */
export const errorTraits = {
  /** A bug of ours, or a state that should not be reachable. */
  Internal: traits('local', false, 'Internal', 1),
  /** A request, flag or file of ours that cannot mean anything. */
  InvalidArgument: traits('caller', false, 'InvalidArgument', 2),
  /** A configuration file that does not follow its schema. */
  InvalidConfig: traits('caller', false, 'InvalidArgument', 2),
  /** A URL whose scheme no source serves. */
  UnknownScheme: traits('caller', false, 'Unimplemented', 2),
  Unimplemented: traits('caller', false, 'Unimplemented', 1),
  /** The origin answered with a status that means no. Details: statusCode, header. */
  SourceRefused: traits('source', false, 'Internal', 3),
  /** The origin could not be reached, hung, or broke off. */
  SourceUnavailable: traits('source', true, 'Unavailable', 3),
  /** The origin broke HTTP: wrong length, wrong range, no length. */
  SourceProtocol: traits('source', false, 'Internal', 3),
  /** The content behind the URL changed while it was being fetched. */
  SourceChanged: traits('source', true, 'Internal', 3),
  /** The bytes are not those that the caller's digest names. */
  DigestMismatch: traits('source', false, 'DataLoss', 4),
  /** A peer sent bytes that do not match the piece's digest. */
  PieceCorrupt: traits('peer', true, 'DataLoss', 4),
  /** A peer does not have the piece it was asked for. */
  PieceNotFound: traits('peer', true, 'NotFound', 1),
  /** A peer could not be reached, hung, or broke off. */
  PeerUnavailable: traits('peer', true, 'Unavailable', 1),
  /** A peer broke the piece protocol. */
  PeerProtocol: traits('peer', false, 'Internal', 1),
  TaskNotFound: traits('caller', false, 'NotFound', 1),
  HostNotFound: traits('caller', false, 'NotFound', 1),
  PeerNotFound: traits('caller', false, 'NotFound', 1),
  /** No parent can serve, and the origin may not be asked. */
  NoSource: traits('caller', false, 'FailedPrecondition', 6),
  SchedulerUnavailable: traits('peer', true, 'Unavailable', 6),
  /** The local daemon does not answer. */
  DaemonUnavailable: traits('local', true, 'Unavailable', 6),
  /** The output path exists, is a directory, or cannot be written. */
  OutputExists: traits('caller', false, 'AlreadyExists', 5),
  OutputUnwritable: traits('caller', false, 'PermissionDenied', 5),
  DiskFull: traits('local', false, 'ResourceExhausted', 5),
  DiskFailed: traits('local', false, 'Internal', 5),
  /** Another process owns the directory or the port. */
  AlreadyRunning: traits('caller', false, 'FailedPrecondition', 6),
  Timeout: traits('caller', true, 'DeadlineExceeded', 7),
  Overloaded: traits('local', true, 'ResourceExhausted', 1),
} as const satisfies Record<string, ErrorTraits>

export type ErrorCode = keyof typeof errorTraits
