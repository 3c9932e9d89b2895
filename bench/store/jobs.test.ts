import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { expect, test } from 'vitest'
import { collect } from './collection-job.ts'
import { openRecords, prepareRecords } from './records-job.ts'

test('records that were prepared are there when the store is opened', async () => {
  await using dir = await tmpDir()
  await prepareRecords(dir.path, { tasks: 3, piecesPerTask: 4 })
  const opened = await openRecords(dir.path)
  expect(opened.pieces).toBe(12)
  expect(opened.openMs).toBeGreaterThan(0)
})

test('all tasks are collected while a writer goes on, which is measured alone as well', async () => {
  await using dir = await tmpDir()
  const store = join(dir.path, 'store')
  await mkdir(store)
  const { during, alone, deletedTasks } = await collect(store, 50)
  // What the warming up has left is gone already.
  expect(deletedTasks).toBe(50)
  expect(during.worstGapMs).toBeGreaterThanOrEqual(during.p99GapMs)
  expect(alone.pieces).toBeGreaterThan(0)
})
