import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { buildLoopback, type LoopbackKind } from './fan-out/loopback.ts'
import { Receivers } from './fan-out/receivers.ts'
import type { Bench, BenchCase, BenchOptions, BenchResult } from './harness/bench.ts'
import { startBenchSwarm } from './harness/bench-swarm.ts'
import { takeTurns } from './harness/interleave.ts'
import { startNginx } from './harness/nginx.ts'
import { dataThreads, type ProcessCost } from './harness/process-cost.ts'
import { ourPrograms, requireProgram } from './harness/programs.ts'
import { randomFile } from './harness/random-file.ts'
import { runProcess } from './harness/run-process.ts'
import { median } from './harness/stats.ts'

const defaultRuns = 5
const children = 8
const defaultSizeMiB = 1024

/** A file to all children at once; the costs are absent where the whole is one program. */
export interface FanOut {
  readonly ms: number
  readonly parent?: ProcessCost
  readonly children?: ProcessCost
}

/** What one daemon gives to many at once. */
export const fanOut: Bench = {
  name: 'fan-out',
  title: `from one daemon to ${children} at once, to disk, beside the kernel's limit and nginx with ${children} curls`,
  async run(options: BenchOptions): Promise<BenchResult> {
    const { log, signal, runs = defaultRuns, sizeMiB = defaultSizeMiB } = options
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    const loopback = await buildLoopback(dir.path, options)
    const programs = await ourPrograms(options, dir.path)
    await using nginx = await startNginx(nginxProgram, join(dir.path, 'nginx'))
    const file = join(dir.path, 'nginx/www/file')
    const sha256 = await randomFile(file, sizeMiB)
    await using swarm = await startBenchSwarm({ programs, dir: join(dir.path, 'swarm'), signal })
    // None of them serves another one: all they get comes from the parent.
    const takesOnly = { upload: { disableShared: true } }
    const receivers = new Receivers({
      subject: { url: nginx.url('file'), sizeMiB, sha256 },
      parent: await swarm.daemon('parent'),
      children: await Promise.all(
        Array.from({ length: children }, (_, i) => swarm.daemon(`child-${i}`, takesOnly)),
      ),
      nginx,
      curl,
      dir: dir.path,
      signal,
    })
    log('the parent takes the file from the origin')
    await receivers.prepare()
    log(`${runs} runs each`)
    const kernel = (kind: LoopbackKind) =>
      loopback && settled(async () => ({ ms: await loopback.run(kind, file, children) }))
    const sides = {
      ours: settled(() => receivers.ours()),
      curls: settled(() => receivers.curls()),
      write: kernel('write'),
      recv: kernel('recv'),
      splice: kernel('splice'),
    }
    const turns: Turns = await takeTurns<typeof sides, FanOut>(runs, sides, signal)
    const threads = `${dataThreads(receivers.parentPid)} data threads in the parent, ${dataThreads(receivers.childPid)} in each child`
    return { bench: 'fan-out', cases: cases(turns, { sizeMiB, threads }) }

    function settled(side: () => Promise<FanOut>): () => Promise<FanOut> {
      return async () => {
        // What one side has left to be written back would slow down the next one.
        await runProcess(['sync'], { signal })
        return await side()
      }
    }
  },
}

/** Empty where it could not be measured. */
type Turns = Readonly<Record<'ours' | 'curls' | LoopbackKind, readonly FanOut[]>>

function cases(
  turns: Turns,
  { sizeMiB, threads }: { sizeMiB: number; threads: string },
): BenchCase[] {
  const totalMiB = sizeMiB * children
  const rates = (of: readonly FanOut[]) => median(of.map(({ ms }) => totalMiB / (ms / 1_000)))
  const common = `together; all bytes of ours come from the parent; ${threads}.`
  const beside = (peer: readonly FanOut[], name: string, note: string): BenchCase[] =>
    peer.length === 0
      ? []
      : [
          {
            name: `${children} children, beside ${name}`,
            unit: 'MiB/s',
            ours: rates(turns.ours),
            peer: rates(peer),
            note: `${note}; ${common}`,
          },
        ]
  const cost = (what: string, unit: 'ms' | 'MiB', of: (one: FanOut) => number): BenchCase => ({
    name: what,
    unit,
    ours: median(turns.ours.map(of)),
    peer: median(turns.curls.map(of)),
  })
  const perGiB = (cpuMs = 0): number => cpuMs / (totalMiB / 1024)
  return [
    ...beside(
      turns.curls,
      `${children} curls`,
      'peer is nginx (sendfile, one process) and curl, both to disk',
    ),
    ...beside(
      turns.write,
      'sendfile to recv and write',
      'peer is the kernel alone, C programs that write to disk what comes',
    ),
    ...beside(
      turns.recv,
      'sendfile to recv',
      'peer is the kernel alone, C programs that drop the bytes',
    ),
    ...beside(
      turns.splice,
      'sendfile to splice',
      'peer is the kernel alone, the bytes never copied to a program',
    ),
    cost('CPU per GiB, sender', 'ms', ({ parent }) => perGiB(parent?.cpuMs)),
    cost('CPU per GiB, receivers', 'ms', (one) => perGiB(one.children?.cpuMs)),
    cost('peak RSS, sender', 'MiB', ({ parent }) => parent?.peakRssMiB ?? 0),
    cost('peak RSS, largest receiver', 'MiB', (one) => one.children?.peakRssMiB ?? 0),
  ]
}
