import type { Log } from '@damselfly/core'
import type { Methods, ThreadCalls } from './thread-calls.ts'
import type { ThreadSettings } from './thread-methods.ts'

/** What a thread's methods are made with. */
export interface ThreadContext<Control extends Methods> extends ThreadSettings {
  readonly log: Log
  /** The control thread, once the methods have been made. */
  readonly control: () => ThreadCalls<Control>
}
