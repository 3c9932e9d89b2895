import { hkdfSync } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DfError, errorCode } from '@damselfly/core'
import { type KeyFor, type MediaOptions, openStore, type PieceStore } from '@damselfly/storage'
import type { DaemonConfig } from '../config.ts'
import type { World } from './world.ts'

/** AES-256. */
const keyBytes = 32

/** Opens the piece store as it is configured. Errors: those of `openStore`, `InvalidConfig` for a bad key file. */
export async function openConfiguredStore(
  { storage }: DaemonConfig,
  world: World,
): Promise<PieceStore> {
  const { keyFile } = storage.encryption
  const { dir, keep, directIO } = storage
  return await openStore({
    ...world,
    dir,
    keep,
    directIO,
    media: media(storage),
    mode: storage.sync,
    ...(keyFile === undefined ? {} : { keyFor: await keysOf(keyFile) }),
  })
}

function media({ kind, memory, plugin }: DaemonConfig['storage']): MediaOptions {
  if (kind !== 'plug-in') return kind === 'disk' ? { kind } : { kind, maxBytes: memory.maxBytes }
  if (plugin.module !== undefined) return { kind, ...plugin, module: plugin.module }
  throw new DfError(
    'InvalidConfig',
    'storage.kind is plug-in: set storage.plugin.module to its path.',
  )
}

/** One key for each tenant, derived from the file's (HKDF with SHA-256, RFC 5869). There is one tenant so far. */
async function keysOf(path: string): Promise<KeyFor> {
  const master = await readKey(path)
  const key = new Uint8Array(
    hkdfSync('sha256', master, '', 'damselfly store, tenant default', keyBytes),
  )
  return () => key
}

async function readKey(path: string): Promise<Buffer> {
  const why = 'expected 32 bytes as 64 hex digits; make one with: openssl rand -hex 32'
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (cause) {
    const what = `storage.encryption.keyFile ${path} cannot be read (${errorCode(cause) ?? cause}).`
    throw new DfError('InvalidConfig', what, { cause })
  }
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  throw new DfError('InvalidConfig', `storage.encryption.keyFile ${path} holds no key: ${why}.`)
}
