import { DatabaseSync } from 'node:sqlite'
import { DfError } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { diskError } from './disk-errors.ts'

const thrownBy = (action: () => void): unknown => {
  try {
    action()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

describe('diskError', () => {
  test('a full database is a full disk', () => {
    const database = new DatabaseSync(':memory:')
    database.exec('PRAGMA max_page_count = 3; CREATE TABLE t (x)')
    const thrown = thrownBy(() => database.exec('INSERT INTO t VALUES (randomblob(100000))'))
    const error = diskError(thrown, 'Recording piece 3', '/store/tasks.sqlite')
    expect(error).toMatchObject({ code: 'DiskFull', blame: 'local', cause: thrown })
    expect(error.message).toMatch(/^Recording piece 3 failed: .*\/store\/tasks\.sqlite/)
  })

  test('any other failure of a statement is a failed disk', () => {
    const thrown = thrownBy(() => new DatabaseSync(':memory:').exec('no sql'))
    expect(diskError(thrown, 'Reading', '/db')).toMatchObject({ code: 'DiskFailed' })
  })

  test('an error that is ours already stays what it is', () => {
    const error = new DfError('PeerProtocol', 'too long')
    expect(diskError(error, 'Writing', '/x')).toBe(error)
  })
})
