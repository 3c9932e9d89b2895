import { join } from 'node:path'

/** Where things are in the store directory (docs/store-format.md). */
export interface StoreLayout {
  readonly lock: string
  readonly content: string
  readonly tasks: string
  readonly metadata: string
  readonly database: string
}

export function storeLayout(dir: string): StoreLayout {
  const content = join(dir, 'content')
  const metadata = join(dir, 'metadata')
  return {
    lock: join(dir, 'lock'),
    content,
    tasks: join(content, 'tasks'),
    metadata,
    database: join(metadata, 'tasks.sqlite'),
  }
}
