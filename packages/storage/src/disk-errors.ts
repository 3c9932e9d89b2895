import { DfError, errorCode, isDfError } from '@damselfly/core'

/** Low bytes of SQLite's result codes (sqlite.org/rescode.html); the extended codes keep them. */
const sqlite = { busy: 5, corrupt: 11, full: 13, notADatabase: 26 } as const

/**
 * What went wrong while `doing` something with the file at `path`, e.g. "Writing piece 3". The local disk is to blame,
 * never the peer whose bytes were on their way there.
 */
export function diskError(thrown: unknown, doing: string, path: string): DfError {
  if (isDfError(thrown)) return thrown
  const code = errorCode(thrown)
  const options = { cause: thrown, details: { path, code } }
  if (code === 'ENOSPC' || code === 'EDQUOT' || sqliteCode(thrown) === sqlite.full) {
    return new DfError(
      'DiskFull',
      `${doing} failed: no space is left for ${path}. Free space there or lower the store's threshold.`,
      options,
    )
  }
  if (isDamagedDatabase(thrown)) {
    return new DfError(
      'DiskFailed',
      `${doing} failed: ${path} is damaged (${reason(thrown)}). Stop the daemon and delete the file; its tasks will be fetched again.`,
      options,
    )
  }
  return new DfError(
    'DiskFailed',
    `${doing} failed at ${path}: ${reason(thrown)}. Check the disk and the permissions of the store directory.`,
    options,
  )
}

/** True when another connection holds the lock that was asked for. */
export function isSqliteBusy(thrown: unknown): boolean {
  return sqliteCode(thrown) === sqlite.busy
}

function isDamagedDatabase(thrown: unknown): boolean {
  const code = sqliteCode(thrown)
  return code === sqlite.corrupt || code === sqlite.notADatabase
}

function sqliteCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown)) return undefined
  return typeof thrown.errcode === 'number' ? thrown.errcode & 0xff : undefined
}

const reason = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : String(thrown)
