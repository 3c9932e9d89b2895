import { pathToFileURL } from 'node:url'
import { DfError } from '@damselfly/core'
import type { Medium } from './medium.ts'

/** What a storage plug-in exports. */
export interface MediumModule {
  /** `options` come from the configuration as they are. */
  openMedium(options: unknown): Medium | Promise<Medium>
}

const methods = ['create', 'attach', 'sweep', 'space', 'close'] as const

/** Loads a storage plug-in from the path of an ES module. What it lacks is named by an `InvalidConfig` error. */
export async function loadMedium(path: string, options: unknown): Promise<Medium> {
  const medium = await openMedium(path, options)
  const lacking: string[] = methods.filter((method) => typeof medium[method] !== 'function')
  if (typeof medium.name !== 'string' || !/^[a-z][a-z0-9-]*$/.test(medium.name))
    lacking.push('name')
  if (typeof medium.isKept !== 'boolean') lacking.push('isKept')
  if (lacking.length === 0) return medium
  throw invalid(path, `its medium lacks ${lacking.join(', ')}`)
}

async function openMedium(path: string, options: unknown): Promise<Medium> {
  let found: Partial<MediumModule>
  try {
    found = await import(pathToFileURL(path).href)
  } catch (error) {
    throw invalid(path, error instanceof Error ? error.message : String(error), error)
  }
  if (typeof found.openMedium !== 'function') throw invalid(path, 'it exports no openMedium')
  return await found.openMedium(options)
}

const invalid = (path: string, why: string, cause?: unknown): DfError =>
  new DfError('InvalidConfig', `The storage plug-in ${path} cannot be used: ${why}.`, {
    cause,
    details: { path },
  })
