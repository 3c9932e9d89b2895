import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DfError } from '@damselfly/core'
import { createPolicy, type ParentPolicy } from '@damselfly/policy'
import { policyChecks } from '@damselfly/policy/checks'

/** `scheduler.policy` of scheduler.yaml. */
export interface PolicyConfig {
  readonly name: string
  readonly params: Readonly<Record<string, unknown>>
  /** Where plug-ins are; absent = a policy that comes with the program. */
  readonly directory?: string | undefined
  /** SHA-256 of the plug-in's file, hexadecimal. */
  readonly digest?: string | undefined
}

/** What the file of a plug-in exports. */
export interface PolicyModule {
  /** Throws when the parameters are not right. Each call gives a policy of its own. */
  createPolicy(params: Readonly<Record<string, unknown>>): ParentPolicy
}

/**
 * The policy that the configuration names. A plug-in is the file `<directory>/<name>.mjs`, one module without imports, so
 * that the digest stands for all that runs. It has to pass the conformance checks before it decides anything.
 */
export async function loadPolicy(config: PolicyConfig): Promise<ParentPolicy> {
  const { name, params, directory, digest } = config
  if (directory === undefined) return createPolicy(name, params)
  const path = join(directory, `${name}.mjs`)
  if (digest === undefined) throw invalid(path, 'the configuration pins no digest of it')
  const module = await importPinned(path, digest)
  const make = (): ParentPolicy => module.createPolicy(params)
  admit(path, name, make)
  return make()
}

/** What is imported is what was read and compared, whatever happens to the file meanwhile. */
async function importPinned(path: string, digest: string): Promise<PolicyModule> {
  const content = await readFile(path).catch((error: unknown) => {
    throw invalid(path, textOf(error), error)
  })
  const actual = createHash('sha256').update(content).digest('hex')
  if (actual !== digest.toLowerCase()) {
    throw invalid(path, `its SHA-256 is ${actual}, not ${digest}`)
  }
  let module: Partial<PolicyModule>
  try {
    module = await import(`data:text/javascript;base64,${content.toString('base64')}`)
  } catch (error) {
    throw invalid(path, textOf(error), error)
  }
  const { createPolicy: make } = module
  if (typeof make !== 'function') throw invalid(path, 'it exports no createPolicy')
  return { createPolicy: make }
}

function admit(path: string, name: string, make: () => ParentPolicy): void {
  try {
    if (make().name !== name) throw new Error(`it calls itself "${make().name}"`)
  } catch (error) {
    throw invalid(path, textOf(error), error)
  }
  for (const [rule, check] of Object.entries(policyChecks)) {
    try {
      check(make)
    } catch (error) {
      throw invalid(path, `it breaks the rule "${rule}": ${textOf(error)}`, error)
    }
  }
}

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const invalid = (path: string, why: string, cause?: unknown): DfError =>
  new DfError('InvalidConfig', `The policy ${path} cannot be used: ${why}.`, {
    cause,
    details: { path },
  })
