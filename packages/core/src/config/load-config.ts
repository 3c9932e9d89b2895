import { readFileSync } from 'node:fs'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { DfError } from '../errors/df-error.ts'
import { errorCode } from '../seams/disk.ts'

export type DeepReadonly<T> = T extends (...args: never[]) => unknown
  ? T
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

export interface LoadConfigOptions<Schema extends z.ZodType> {
  /** Strict objects with defaults: unknown keys are errors. */
  schema: Schema
  /** Read, unless `text` is given; appears in errors. */
  file?: string | undefined
  /** YAML. */
  text?: string | undefined
  /** Command line flags; they win over the file. `undefined` = not given. */
  overrides?: Readonly<Record<string, unknown>> | undefined
  readFile?: (path: string) => string
}

const readSystemFile = (path: string): string => readFileSync(path, 'utf8')

/**
 * Schema defaults < file < overrides, checked and frozen. Every problem is in the one `InvalidConfig` error.
 * Without a file and a text the defaults and the overrides make the configuration.
 */
export function loadConfig<Schema extends z.ZodType>(
  options: LoadConfigOptions<Schema>,
): DeepReadonly<z.output<Schema>> {
  const { schema, file, overrides = {}, readFile = readSystemFile } = options
  const name = file ?? 'the configuration'
  const text = options.text ?? (file === undefined ? '' : readText(file, readFile))
  const merged = merge(parseYaml(text, name), overrides)
  const result = schema.safeParse(merged)
  if (!result.success) {
    const problems = z.prettifyError(result.error)
    throw new DfError('InvalidConfig', `${name} is not valid:\n${problems}`, {
      cause: result.error,
      details: { file, paths: result.error.issues.map((issue) => issue.path.join('.')) },
    })
  }
  return freeze(result.data) as DeepReadonly<z.output<Schema>>
}

function readText(file: string, readFile: (path: string) => string): string {
  try {
    return readFile(file)
  } catch (cause) {
    const why = errorCode(cause) === 'ENOENT' ? 'there is no such file' : String(cause)
    throw new DfError('InvalidConfig', `The configuration ${file} cannot be read: ${why}.`, {
      cause,
      details: { file },
    })
  }
}

function parseYaml(text: string, name: string): Record<string, unknown> {
  const document = parseDocument(text)
  // The messages of the parser end with line, column and an excerpt.
  const problems = [...document.errors, ...document.warnings].map((error) => error.message.trim())
  if (problems.length > 0) {
    throw new DfError('InvalidConfig', `${name} is not valid YAML:\n${problems.join('\n')}`, {
      details: { file: name },
    })
  }
  const value = plainValue(() => document.toJS(), name) ?? {}
  if (isPlainObject(value)) return value
  throw new DfError('InvalidConfig', `${name} must be a list of keys and values at its top level.`)
}

/** Unresolvable and excessive aliases come out only here. */
function plainValue(read: () => unknown, name: string): unknown {
  try {
    return read()
  } catch (cause) {
    throw new DfError('InvalidConfig', `${name} is not valid YAML: ${String(cause)}`, { cause })
  }
}

/** Objects are merged key by key; anything else in `over`, lists too, replaces what was there. */
function merge(
  base: Record<string, unknown>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const merged = new Map(Object.entries(base))
  for (const [key, value] of Object.entries(over)) {
    if (value === undefined) continue
    const below = merged.get(key)
    if (isPlainObject(value)) merged.set(key, merge(isPlainObject(below) ? below : {}, value))
    else merged.set(key, value)
  }
  return Object.fromEntries(merged)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

/** Plain objects and arrays only: what a schema made of them (a URL, a RegExp) stays as it is. */
function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (!Array.isArray(value) && !isPlainObject(value)) return value
  for (const child of Object.values(value)) freeze(child)
  return Object.freeze(value)
}
