export { type ClientParams, defaultClientParams } from './client-params.ts'
export { Exchange, type ExchangeOptions, type FailureKind } from './exchange.ts'
export type { Flow } from './flows.ts'
export {
  type DeclineReason,
  type NeighbourTraits,
  originSlot,
  type RefreshReason,
  type Slot,
  type SwarmAction,
  type SwarmMessage,
} from './messages.ts'
export type { Received, ReceivedBytes } from './receipts.ts'
