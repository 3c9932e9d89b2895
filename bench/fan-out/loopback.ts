import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BenchError } from '../harness/bench.ts'
import { requireProgram } from '../harness/programs.ts'
import { runProcess } from '../harness/run-process.ts'

/** Where the receivers put the bytes: copied and dropped, dropped without a copy, to files on the disk. */
export type LoopbackKind = 'recv' | 'splice' | 'write'

export interface Loopback {
  /** Sends the file to that many receivers at once; how long that took, in milliseconds. */
  run(kind: LoopbackKind, file: string, streams: number): Promise<number>
}

const source = fileURLToPath(new URL('loopback.c', import.meta.url))

/** The command line that measures the kernel's limit, compiled for this machine; absent, and said, without a C compiler. */
export async function buildLoopback(
  dir: string,
  { log, signal }: { log: (text: string) => void; signal: AbortSignal },
): Promise<Loopback | undefined> {
  const program = join(dir, 'loopback')
  try {
    const compiler = requireProgram('cc', 'gcc libc6-dev')
    await runProcess([compiler, '-O2', '-o', program, source], { signal })
  } catch (error) {
    if (!(error instanceof BenchError)) throw error
    log(`left out: the kernel's limit, which a small C program measures. ${error.message}`)
    return undefined
  }
  return {
    async run(kind, file, streams) {
      const outputs = join(dir, 'loopback.out-')
      const to = kind === 'write' ? outputs : kind
      try {
        return (await runProcess([program, file, String(streams), to], { signal })).ms
      } finally {
        const written = Array.from({ length: streams }, (_, i) => `${outputs}${i}`)
        await Promise.all(written.map((path) => rm(path, { force: true })))
      }
    },
  }
}
