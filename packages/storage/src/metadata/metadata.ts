import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { DfError } from '@damselfly/core'
import { diskError } from '../disk-errors.ts'
import type { TaskSpec } from '../store.ts'
import { CheckpointThread } from './checkpoint-thread.ts'
import { blockCheck, PieceBlock } from './piece-block.ts'
import { blockId, maxBlocks, prepareSchema } from './schema.ts'
import {
  condemned,
  factsCheck,
  SharedTexts,
  type SqlRow,
  type TaskRow,
  taskColumns,
  toTaskRow,
} from './task-row.ts'

export interface NewTask {
  readonly spec: TaskSpec
  readonly createdAt: number
  readonly isSealed: boolean
  readonly medium: string
  readonly life: number
}

/** A block as it is read when the store opens; `bytes` is not to be kept. */
export interface StoredBlock {
  readonly task: number
  readonly number: number
  /** When it was written, counted in sync points. */
  readonly epoch: number
  readonly bytes: Uint8Array
  readonly isDamaged: boolean
}

/**
 * A statement changes some pages of 4 KiB: after so many the log, some 100 MiB then, is moved into the database. The next change
 * syncs the header of the log, which takes as long as the disk likes: not too often.
 */
const changesPerCheckpoint = 8_000
/** What a statement counts whose transaction has others, which mostly change the same pages. */
const changesInTransaction = 0.25
/** With so much log, in pages, SQLite does it itself on this thread: the thread for it is not there, or far behind. */
const maxLogPages = 65_536

const inMemory = ':memory:'

/** The facts about tasks and pieces. Every method is one transaction; errors name the file. */
export class Metadata {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  /** `undefined` in memory. */
  readonly #checkpoints: CheckpointThread | undefined
  #changes = 0

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
    if (path !== inMemory) this.#checkpoints = new CheckpointThread(path)
  }

  /** Opens or creates the database; `:memory:` is one that dies with the process. The caller holds the directory's lock. */
  static open(path: string): Metadata {
    let database: DatabaseSync | undefined
    try {
      // The timeout is for the moments in which the checkpoint thread changes the index of the log.
      database = new DatabaseSync(path, { timeout: 1_000 })
      database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${maxLogPages}`,
      )
      prepareSchema(database, path)
      return new Metadata(path, database)
    } catch (error) {
      database?.close()
      throw diskError(error, "Opening the store's metadata", path)
    }
  }

  /** What a sync makes survive a power cut; `undefined` in memory. */
  get logPath(): string | undefined {
    return this.#path === inMemory ? undefined : `${this.#path}-wal`
  }

  /** Several methods as one transaction, or as a part of the one that is under way. */
  transaction<T>(action: () => T): T {
    return this.#attempt('Recording', () => {
      if (this.#database.isTransaction) return action()
      this.#statement('BEGIN').run()
      try {
        const result = action()
        this.#statement('COMMIT').run()
        return result
      } catch (error) {
        // A full disk ends some transactions by itself.
        if (this.#database.isTransaction) this.#database.exec('ROLLBACK')
        throw error
      }
    })
  }

  /** All tasks in order of their creation; rows that were damaged go to `damaged`. Nothing may be written meanwhile. */
  *tasks(damaged: (row: number, taskId: string) => void): Generator<TaskRow, undefined, undefined> {
    const texts = new SharedTexts()
    try {
      for (const row of this.#all(`SELECT ${taskColumns} FROM task ORDER BY id`)) {
        const task = toTaskRow(row, texts)
        if (task === undefined) damaged(Number(row[0]), String(row[1]))
        else yield task
      }
    } catch (error) {
      throw diskError(error, 'Reading the tasks', this.#path)
    }
  }

  /** Peer ids of a task by number; 0 is the origin. */
  parents(task: number): string[] {
    const sql = 'SELECT number, peer_id FROM parent WHERE task = ?'
    const parents = ['']
    this.#attempt('Reading the parents', () => {
      for (const row of this.#statement(sql).all(task)) {
        parents[Number(row.number)] = String(row.peer_id)
      }
    })
    return parents
  }

  /** All blocks in the order of their tasks. */
  blocks(visit: (block: StoredBlock) => void): void {
    const sql = 'SELECT id, epoch, block_check, bytes FROM block ORDER BY id'
    this.#attempt('Reading the pieces', () => {
      for (const row of this.#all(sql)) {
        const id = Number(row[0])
        const task = Math.floor(id / maxBlocks)
        const number = id % maxBlocks
        const bytes = row[3] as Uint8Array
        const isDamaged = blockCheck(task, number, bytes) !== row[2]
        visit({ task, number, epoch: Number(row[1]), bytes, isDamaged })
      }
    })
  }

  /** Blocks of a task that were written after a sync point. */
  blocksSince(task: number, epoch: number): number[] {
    const sql = 'SELECT id FROM block WHERE id >= ? AND id < ? AND epoch > ?'
    const [first, end] = [blockId(task, 0), blockId(task + 1, 0)]
    return this.#attempt('Reading the pieces', () =>
      this.#statement(sql)
        .all(first, end, epoch)
        .map(({ id }) => Number(id) % maxBlocks),
    )
  }

  /** Damaged or missing = `undefined`. */
  block(task: number, number: number, isSealed: boolean): PieceBlock | undefined {
    return this.#attempt('Reading pieces', () => {
      const sql = 'SELECT bytes, block_check FROM block WHERE id = ?'
      const row = this.#statement(sql).get(blockId(task, number))
      if (row === undefined) return undefined
      const bytes = row.bytes as Uint8Array
      if (blockCheck(task, number, bytes) !== row.block_check) return undefined
      return PieceBlock.from(bytes, isSealed)
    })
  }

  putBlock(task: number, number: number, block: PieceBlock, epoch: number): void {
    const { bytes } = block
    if (block.isEmpty) {
      this.deleteBlock(task, number)
      return
    }
    const sql = 'INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?)'
    const check = blockCheck(task, number, bytes)
    this.#run('Recording pieces', sql, blockId(task, number), epoch, check, bytes)
  }

  deleteBlock(task: number, number: number): void {
    this.#run('Forgetting pieces', 'DELETE FROM block WHERE id = ?', blockId(task, number))
  }

  /** Returns the task's number. */
  insertTask({ spec, createdAt, isSealed, medium, life }: NewTask): number {
    const header = JSON.stringify(spec.responseHeader)
    const { lastInsertRowid } = this.#run(
      `Recording task ${spec.taskId}`,
      `INSERT INTO task (task_id, url, tag, application, content_length, piece_length, response_header, created_at, sealed,
         facts_check, updated_at, medium, life) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      spec.taskId,
      spec.url,
      spec.tag,
      spec.application,
      spec.contentLength,
      spec.pieceLength,
      header,
      createdAt,
      isSealed ? 1 : 0,
      factsCheck(spec, header, createdAt, isSealed),
      createdAt,
      medium,
      life,
    )
    return Number(lastInsertRowid)
  }

  insertParent(task: number, number: number, peerId: string): void {
    const sql = 'INSERT OR REPLACE INTO parent VALUES (?, ?, ?)'
    this.#run('Recording a parent', sql, task, number, peerId)
  }

  touchTask(task: number, updatedAt: number): void {
    const sql = 'UPDATE task SET updated_at = ? WHERE id = ?'
    this.#run('Recording the use of a task', sql, updatedAt, task)
  }

  /** The task's bytes are somewhere else now. */
  moveTask(task: number, medium: string, life: number): void {
    const sql = 'UPDATE task SET medium = ?, life = ? WHERE id = ?'
    this.#run('Recording the move of a task', sql, medium, life, task)
  }

  retainTask(
    task: number,
    keep: { isPinned: boolean; expiresAt: number | undefined; policy: string },
  ): void {
    const sql = 'UPDATE task SET pinned = ?, expires_at = ?, policy = ? WHERE id = ?'
    const pinned = keep.isPinned ? 1 : 0
    this.#run('Recording', sql, pinned, keep.expiresAt ?? null, keep.policy, task)
  }

  recordDigests(task: number, content: string | undefined, verified: readonly string[]): void {
    const sql = 'UPDATE task SET content_digest = ?, verified = ? WHERE id = ?'
    this.#run('Recording a digest', sql, content ?? null, JSON.stringify(verified), task)
  }

  /** Whatever happens from here on, the task is no more when the store is opened again. */
  condemnTask(task: number): void {
    const sql = 'UPDATE task SET medium = ? WHERE id = ?'
    this.#run('Forgetting a task', sql, condemned, task)
  }

  /** Blocks from `first` up to `end` exclusive. */
  deleteBlocks(task: number, first: number, end: number): void {
    const sql = 'DELETE FROM block WHERE id >= ? AND id < ?'
    this.#run('Forgetting pieces', sql, blockId(task, first), blockId(task, end))
  }

  /** Forgets the task with its pieces and parents. */
  deleteTask(task: number): void {
    this.#run('Forgetting a task', 'DELETE FROM task WHERE id = ?', task)
  }

  /** The highest epoch of any block; 0 without. */
  lastEpoch(): number {
    return this.#attempt('Reading the state of the store', () =>
      Number(this.#statement('SELECT max(epoch) AS n FROM block').get()?.n ?? 0),
    )
  }

  state(key: string): string | undefined {
    return this.#attempt('Reading the state of the store', () => {
      const row = this.#statement('SELECT value FROM store WHERE key = ?').get(key)
      return row === undefined ? undefined : String(row.value)
    })
  }

  setState(key: string, value: string): void {
    const sql = 'INSERT OR REPLACE INTO store VALUES (?, ?)'
    this.#run('Recording the state of the store', sql, key, value)
  }

  /** Moves the log into the database; others go on meanwhile. */
  async checkpoint(): Promise<void> {
    this.#changes = 0
    try {
      await this.#checkpoints?.run()
    } catch (error) {
      throw diskError(error, "Writing the store's metadata", this.#path)
    }
  }

  async close(): Promise<void> {
    await this.#checkpoints?.close()
    this.#attempt("Closing the store's metadata", () => this.#database.close())
  }

  #run(doing: string, sql: string, ...values: (string | number | null | Uint8Array)[]) {
    this.#changes += this.#database.isTransaction ? changesInTransaction : 1
    // Should it fail, the log grows: the next one, at the latest that of a sync point, which tells, tries again.
    if (this.#changes >= changesPerCheckpoint) this.checkpoint().catch(() => {})
    return this.#attempt(doing, () => this.#statement(sql).run(...values))
  }

  /** Rows as arrays, which are half the work of objects: a store has very many of them. */
  #all(sql: string): Iterable<SqlRow> {
    const statement = this.#database.prepare(sql)
    statement.setReturnArrays(true)
    return statement.iterate() as Iterable<unknown> as Iterable<SqlRow>
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #attempt<T>(doing: string, action: () => T): T {
    if (!this.#database.isOpen)
      throw new DfError('Internal', `${doing} failed: the store is closed.`)
    try {
      return action()
    } catch (error) {
      throw diskError(error, doing, this.#path)
    }
  }
}
