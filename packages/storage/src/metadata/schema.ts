import type { DatabaseSync } from 'node:sqlite'
import { DfError } from '@damselfly/core'

/** docs/store-format.md describes this version. */
const schemaVersion = 2

/**
 * Why a row per 64 pieces: one per piece makes opening a million pieces slow, one per task makes every commit rewrite what
 * earlier commits wrote. A block is at most 5 KiB. No index over the task ids: the store has them all in memory, and an index of
 * random keys would write a page of its own for each task that comes or goes.
 */
const schema = `
  CREATE TABLE store (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL,
    url TEXT NOT NULL,
    tag TEXT NOT NULL,
    application TEXT NOT NULL,
    content_length INTEGER NOT NULL,
    piece_length INTEGER NOT NULL,
    response_header TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    sealed INTEGER NOT NULL,
    facts_check INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    medium TEXT NOT NULL,
    life INTEGER NOT NULL,
    pinned INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER,
    policy TEXT NOT NULL DEFAULT '',
    content_digest TEXT,
    verified TEXT NOT NULL DEFAULT '[]'
  ) STRICT;
  CREATE TABLE parent (
    task INTEGER NOT NULL,
    number INTEGER NOT NULL,
    peer_id TEXT NOT NULL,
    PRIMARY KEY (task, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE block (
    id INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL,
    block_check INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TRIGGER task_deleted AFTER DELETE ON task BEGIN
    DELETE FROM block WHERE id >= old.id * ${2 ** 24} AND id < (old.id + 1) * ${2 ** 24};
    DELETE FROM parent WHERE task = old.id;
  END;
  PRAGMA user_version = ${schemaVersion};
`

/** Blocks of one task at most; 2^30 pieces. */
export const maxBlocks = 2 ** 24

/** A block's key: its task's blocks lie together, in order. */
export const blockId = (task: number, number: number): number => task * maxBlocks + number

export function prepareSchema(database: DatabaseSync, path: string): void {
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
