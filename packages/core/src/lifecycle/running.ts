/**
 * Something that runs. It is obtained from a `startX(config, deps)` that returns only when it is ready (ports
 * bound, files open) and undoes what it had started when it fails half-way.
 */
export interface Running extends AsyncDisposable {
  /** Resolves after `stop`; rejects when the thing died by itself. Never an unhandled rejection. */
  readonly closed: Promise<void>
  /** Finishes cleanly. Idempotent: every call returns the same promise. */
  stop(reason?: string): Promise<void>
}
