import { accessSync, constants, globSync } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where Debian keeps what ordinary users do not have on their path. */
const systemDirs = ['/usr/sbin', '/usr/lib/postgresql/*/bin']

/** The path of an installed program, if it is. */
export function findProgram(name: string): string | undefined {
  const dirs = [...(process.env.PATH ?? '').split(delimiter), ...systemDirs]
  return dirs.flatMap((dir) => globSync(join(dir, name))).find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
