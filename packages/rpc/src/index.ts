export type { CallOptions, Client } from '@connectrpc/connect'
export { type BidiOptions, type BidiStream, openBidi } from './bidi.ts'
export {
  type ChannelOptions,
  createRpcClient,
  openChannel,
  type RpcChannel,
  type RpcClient,
} from './channel.ts'
export { type ChannelLease, ChannelPool } from './channel-pool.ts'
export type { CallDeadlines } from './client.ts'
export { type CallContext, type Route, type Routes, route, type ServiceImpl } from './route.ts'
export { type RpcServer, type RpcServerOptions, startRpcServer } from './server.ts'
export type { GrpcStatusName, StatusCodes } from './status.ts'
