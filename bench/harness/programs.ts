import { accessSync, constants, existsSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchError, type BenchOptions } from './bench.ts'
import { runProcess } from './run-process.ts'

export interface OurPrograms {
  /** How to start each: the executable and its first arguments. */
  readonly dfget: readonly string[]
  readonly dfdaemon: readonly string[]
  readonly scheduler: readonly string[]
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Builds what is shipped and takes that; from source where there is no build, which starts slower. */
export async function ourPrograms(
  { log, signal }: BenchOptions,
  tmpDir: string,
): Promise<OurPrograms> {
  const isBuilt = await build(log, signal)
  log(
    isBuilt
      ? 'programs: as built in dist/damselfly'
      : 'programs: from source (packages/cli), which start slower than what is shipped',
  )
  const dir = isBuilt ? join(tmpDir, 'damselfly') : join(root, 'packages/cli')
  // A copy: a build that somebody starts meanwhile takes away the files of this one.
  if (isBuilt) await cp(join(root, 'dist/damselfly'), dir, { recursive: true })
  const program = (name: string): string[] => [process.execPath, join(dir, 'bin', `${name}.js`)]
  return {
    dfget: program('dfget'),
    dfdaemon: program('dfdaemon'),
    scheduler: program('scheduler'),
  }
}

async function build(log: (text: string) => void, signal: AbortSignal): Promise<boolean> {
  const script = join(root, 'tools/build.mjs')
  if (!existsSync(script)) return false
  try {
    await runProcess([process.execPath, script], { cwd: root, signal })
    return true
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    log(error.message)
    return false
  }
}

/** Where those programs are that ordinary users do not have on their path. */
const systemDirs = ['/usr/sbin', '/usr/local/sbin', '/sbin']

/** The path of a program of somebody else. */
export function requireProgram(name: string, debianPackage: string): string {
  const dirs = [...(process.env.PATH ?? '').split(delimiter), ...systemDirs]
  const found = dirs.map((dir) => join(dir, name)).find(isExecutable)
  if (found !== undefined) return found
  throw new BenchError(
    `This benchmark needs ${name}, which is not installed: apt-get install ${debianPackage}.`,
  )
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
