export { type HttpSourceOptions, type HttpTimeouts, httpSource } from './http/http-source.ts'
export { type SourceRegistry, sourceRegistry } from './registry.ts'
export type {
  Source,
  SourceBody,
  SourceReadOptions,
  SourceRequest,
  SourceStat,
} from './source.ts'
