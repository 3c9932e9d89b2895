// What reads configuration files; apart from the rest, because its libraries would double the start of small programs.
export { type DeepReadonly, type LoadConfigOptions, loadConfig } from './config/load-config.ts'
export { byteSize, duration } from './config/schemas.ts'
