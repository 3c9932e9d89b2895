import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CheckpointThread } from './checkpoint-thread.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'damselfly-checkpoint-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

test('moves the log into the database while its writer has it open', async () => {
  const path = join(dir, 'some.sqlite')
  const writer = new DatabaseSync(path)
  writer.exec('PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (n)')
  const thread = new CheckpointThread(path)
  for (const round of [1, 2]) {
    writer.exec(`INSERT INTO t VALUES (${round})`)
    await Promise.all([thread.run(), thread.run()])
    copyFileSync(path, join(dir, 'copy.sqlite'))
    const copy = new DatabaseSync(join(dir, 'copy.sqlite'))
    expect(copy.prepare('SELECT count(*) AS n FROM t').get()?.n).toBe(round)
    copy.close()
  }
  await thread.close()
  await thread.close()
  writer.close()
})

test('says when it fails, and can be closed', async () => {
  const path = join(dir, 'none.sqlite')
  writeFileSync(path, 'This is no database, but a text that is long enough to be taken for one.')
  const thread = new CheckpointThread(path)
  await expect(thread.run()).rejects.toThrow('A checkpoint failed')
  await thread.close()
})
