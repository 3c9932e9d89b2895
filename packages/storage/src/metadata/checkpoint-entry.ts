// The program of the checkpoint thread.
import { DatabaseSync } from 'node:sqlite'
import { parentPort, workerData } from 'node:worker_threads'
import type { CheckpointAnswer } from './checkpoint-thread.ts'

/** While the store goes on writing the log grows behind each round; the rounds get shorter until one catches up. */
const maxRounds = 8

const database = new DatabaseSync(String(workerData))
// The moment in which the other connection changes the index of the log.
database.exec('PRAGMA busy_timeout = 1000; PRAGMA synchronous = NORMAL')

function checkpoint(): CheckpointAnswer {
  try {
    for (let round = 0; round < maxRounds; round++) {
      const row = database.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()
      if (row?.log === row?.checkpointed) break
    }
    return {}
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) }
  }
}

parentPort?.on('message', (ask: 'checkpoint' | 'close') => {
  if (ask === 'checkpoint') parentPort?.postMessage(checkpoint())
  else {
    database.close()
    parentPort?.close()
  }
})
