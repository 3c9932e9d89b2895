import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { asTaskId, DfError } from '@damselfly/core'
import type { TaskSpec } from '../store.ts'
import { diskError } from './disk-errors.ts'

/**
 * Why a row per piece and not a blob per task: a commit must not rewrite what earlier commits wrote. One insert into
 * the clustered (task, number) tree costs one or two log pages however many pieces the task has. Offsets and lengths
 * follow from the geometry, parents are numbered per task, so a row is some 25 bytes.
 */
const schemaVersion = 1

const schema = `
  CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    task_id TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    tag TEXT NOT NULL,
    application TEXT NOT NULL,
    content_length INTEGER NOT NULL,
    piece_length INTEGER NOT NULL,
    response_header TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE parent (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    peer_id TEXT NOT NULL,
    PRIMARY KEY (task, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE piece (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    crc32 INTEGER NOT NULL,
    parent INTEGER NOT NULL,
    traffic INTEGER NOT NULL,
    cost_ms INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (task, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TRIGGER task_deleted AFTER DELETE ON task BEGIN
    DELETE FROM piece WHERE task = old.id;
    DELETE FROM parent WHERE task = old.id;
  END;
  PRAGMA user_version = ${schemaVersion};
`

export interface TaskRow {
  /** The task's number in this database. */
  readonly row: number
  readonly spec: TaskSpec
  readonly createdAt: number
  readonly updatedAt: number
}

export interface PieceRow {
  readonly number: number
  readonly crc32: number
  /** Number of the parent within the task; 0 is the origin. */
  readonly parent: number
  readonly traffic: number
  readonly costMs: number
  readonly createdAt: number
}

/** The facts about tasks and pieces. Every method is one transaction; errors name the file. */
export class Metadata {
  readonly #path: string
  readonly #database: DatabaseSync
  readonly #insertTask: StatementSync
  readonly #insertParent: StatementSync
  readonly #insertPiece: StatementSync
  readonly #touchTask: StatementSync
  readonly #deleteTask: StatementSync

  private constructor(path: string, database: DatabaseSync) {
    this.#path = path
    this.#database = database
    this.#insertTask = database.prepare(
      `INSERT INTO task (task_id, url, tag, application, content_length, piece_length, response_header, created_at, updated_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#insertParent = database.prepare('INSERT OR REPLACE INTO parent VALUES (?, ?, ?)')
    this.#insertPiece = database.prepare(
      'INSERT OR REPLACE INTO piece VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#touchTask = database.prepare('UPDATE task SET updated_at = ? WHERE id = ?')
    this.#deleteTask = database.prepare('DELETE FROM task WHERE id = ?')
  }

  /** Opens or creates the database. The caller holds the directory's lock. */
  static open(path: string): Metadata {
    let database: DatabaseSync | undefined
    try {
      database = new DatabaseSync(path)
      // Exclusive mode halves the cost of a commit: no shared index, no file locks per transaction.
      database.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL',
      )
      prepareSchema(database, path)
      return new Metadata(path, database)
    } catch (error) {
      database?.close()
      throw diskError(error, "Opening the store's metadata", path)
    }
  }

  tasks(): TaskRow[] {
    return this.#attempt('Reading the tasks', () =>
      this.#database.prepare('SELECT * FROM task ORDER BY id').all().map(toTaskRow),
    )
  }

  /** Peer ids by number, in the order of the tasks. */
  parents(visit: (task: number, number: number, peerId: string) => void): void {
    this.#attempt('Reading the parents', () => {
      for (const row of this.#database.prepare('SELECT * FROM parent').iterate()) {
        visit(Number(row.task), Number(row.number), String(row.peer_id))
      }
    })
  }

  pieces(visit: (task: number, piece: PieceRow) => void): void {
    this.#attempt('Reading the pieces', () => {
      for (const row of this.#database.prepare('SELECT * FROM piece').iterate()) {
        visit(Number(row.task), toPieceRow(row))
      }
    })
  }

  /** Returns the task's number. */
  insertTask(spec: TaskSpec, createdAt: number): number {
    return this.#attempt(`Recording task ${spec.taskId}`, () => {
      const { lastInsertRowid } = this.#insertTask.run(
        spec.taskId,
        spec.url,
        spec.tag,
        spec.application,
        spec.contentLength,
        spec.pieceLength,
        JSON.stringify(spec.responseHeader),
        createdAt,
        createdAt,
      )
      return Number(lastInsertRowid)
    })
  }

  insertParent(task: number, number: number, peerId: string): void {
    this.#attempt('Recording a parent', () => this.#insertParent.run(task, number, peerId))
  }

  insertPiece(task: number, piece: PieceRow): void {
    const { number, crc32, parent, traffic, costMs, createdAt } = piece
    this.#attempt(`Recording piece ${number}`, () =>
      this.#insertPiece.run(task, number, crc32, parent, traffic, costMs, createdAt),
    )
  }

  touchTask(task: number, updatedAt: number): void {
    this.#attempt('Recording the use of a task', () => this.#touchTask.run(updatedAt, task))
  }

  /** Forgets the task with its pieces and parents. */
  deleteTask(task: number): void {
    this.#attempt('Forgetting a task', () => this.#deleteTask.run(task))
  }

  close(): void {
    this.#attempt("Closing the store's metadata", () => this.#database.close())
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

function prepareSchema(database: DatabaseSync, path: string): void {
  const version = Number(database.prepare('PRAGMA user_version').get()?.user_version)
  if (version === schemaVersion) return
  const tables = Number(database.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n)
  if (version !== 0 || tables !== 0) {
    throw new DfError(
      'InvalidConfig',
      `${path} has schema version ${version}, but this program knows version ${schemaVersion}. ` +
        'Run the program that wrote it, configure another storage directory, or set storage.keep to false to start empty.',
      { details: { path, version } },
    )
  }
  // In one transaction, so that a crash leaves an empty database and not half a schema.
  database.exec(`BEGIN; ${schema} COMMIT`)
}

type Row = Record<string, unknown>

function toTaskRow(row: Row): TaskRow {
  return {
    row: Number(row.id),
    spec: {
      taskId: asTaskId(String(row.task_id)),
      url: String(row.url),
      tag: String(row.tag),
      application: String(row.application),
      contentLength: Number(row.content_length),
      pieceLength: Number(row.piece_length),
      responseHeader: JSON.parse(String(row.response_header)),
    },
    createdAt: Number(row.created_at),
    updatedAt: Number(row.updated_at),
  }
}

function toPieceRow(row: Row): PieceRow {
  return {
    number: Number(row.number),
    crc32: Number(row.crc32),
    parent: Number(row.parent),
    traffic: Number(row.traffic),
    costMs: Number(row.cost_ms),
    createdAt: Number(row.created_at),
  }
}
