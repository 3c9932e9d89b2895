import { readFileSync } from 'node:fs'
import type { Program } from '@damselfly/testkit'

/** What the manager says whenever a host asks for the first time. */
const firstQuestion = 'cache miss because of cache: key is missing'

/** Lines at warning or above in a Go program's log, of those that `about` matches. */
export function complaints({ logPath }: Program, about: RegExp): string[] {
  return readFileSync(logPath, 'utf8')
    .split('\n')
    .filter((line) => /\t(WARN|ERROR|FATAL|PANIC)\t/.test(line) && about.test(line))
    .filter((line) => !line.includes(firstQuestion))
}
