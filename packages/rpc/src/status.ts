import { Code } from '@connectrpc/connect'
import type { ErrorCode, GrpcStatus } from '@damselfly/core'

/** Every canonical gRPC status except OK, by its name in google.rpc.Code. */
export type GrpcStatusName = Exclude<keyof typeof Code, number>

/** Which error code stands for a status that carries none of our metadata. */
export type StatusCodes = Readonly<Record<GrpcStatusName, ErrorCode>>

/**
 * The nearest error code of each status. A server that fails inside is its own fault, not ours, so that the caller
 * drops that peer and goes on: `PeerProtocol`, not `Internal`.
 */
const nearest: StatusCodes = {
  Canceled: 'PeerUnavailable',
  Unknown: 'PeerProtocol',
  InvalidArgument: 'InvalidArgument',
  DeadlineExceeded: 'Timeout',
  NotFound: 'TaskNotFound',
  AlreadyExists: 'OutputExists',
  PermissionDenied: 'InvalidArgument',
  ResourceExhausted: 'Overloaded',
  FailedPrecondition: 'NoSource',
  Aborted: 'PeerUnavailable',
  OutOfRange: 'InvalidArgument',
  Unimplemented: 'Unimplemented',
  Internal: 'PeerProtocol',
  Unavailable: 'PeerUnavailable',
  DataLoss: 'PieceCorrupt',
  Unauthenticated: 'InvalidArgument',
}

/** The table of one client. `unavailable` names whoever is at the other end when it cannot be reached or breaks off. */
export function statusCodes(
  unavailable: ErrorCode = 'PeerUnavailable',
  overrides: Partial<StatusCodes> = {},
): StatusCodes {
  return {
    ...nearest,
    Canceled: unavailable,
    Aborted: unavailable,
    Unavailable: unavailable,
    ...overrides,
  }
}

export function codeOfStatus(status: GrpcStatus): Code {
  return Code[status]
}

export function statusOfCode(code: Code): GrpcStatusName {
  return Code[code] as GrpcStatusName
}
