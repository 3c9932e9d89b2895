import { expect, test } from 'vitest'
import { Metadata } from '../metadata/metadata.ts'
import { RowDeletions } from './row-deletions.ts'

test('deletions of one moment are one transaction, later ones another', async () => {
  const { metadata, transactions } = counted()
  const deletions = new RowDeletions(metadata)
  await Promise.all([deletions.delete(1), deletions.delete(2), deletions.delete(3)])
  expect(transactions()).toBe(1)
  await deletions.delete(4)
  expect(transactions()).toBe(2)
  await metadata.close()
})

test('all of one moment fail together, and the next ones are tried again', async () => {
  const { metadata } = counted()
  const deletions = new RowDeletions(metadata)
  const { deleteTask } = metadata
  metadata.deleteTask = (row) => {
    if (row === 2) throw new Error('no')
    deleteTask.call(metadata, row)
  }
  const together = await Promise.allSettled([deletions.delete(1), deletions.delete(2)])
  expect(together.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await deletions.delete(1)
  await metadata.close()
})

function counted() {
  const metadata = Metadata.open(':memory:')
  let count = 0
  const transaction = metadata.transaction.bind(metadata)
  metadata.transaction = (action) => {
    count += 1
    return transaction(action)
  }
  return { metadata, transactions: () => count }
}
