import { type ClientParams, defaultClientParams as defaultsOf } from '@damselfly/policy'

export type { ClientParams }

/** Until the scheduler says something, which may know that places mean nothing here, or what the uplinks are. */
export const defaultClientParams = (pieceCount: number): ClientParams =>
  defaultsOf({ pieceCount, hasPlaces: true, meanUplink: 0 })
