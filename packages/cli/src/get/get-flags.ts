/** Flags as they were given; `getRequest` makes sense of them. */
export interface GetFlags {
  readonly output?: string
  readonly overwrite?: boolean
  readonly forceHardLink?: boolean
  readonly transferFromDfdaemon?: boolean
  readonly timeout: string
  readonly digest?: string
  readonly header?: readonly string[]
  readonly disableBackToSource?: boolean
  readonly priority: string
  readonly progress: boolean
  readonly endpoint?: string
  readonly tag?: string
  readonly application?: string
  readonly pieceLength?: string
  readonly filteredQueryParam?: readonly string[]
  readonly contentForCalculatingTaskId?: string
  readonly recursive?: boolean
  readonly includeFiles?: readonly string[]
  readonly maxFiles?: string
  readonly maxConcurrentRequests?: string
  readonly range?: string
  readonly json?: boolean
  readonly scheduler?: readonly string[]
  readonly dataDir?: string
  readonly verbose?: boolean
  readonly logLevel?: string
}
