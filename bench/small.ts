import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { tmpDir } from '@damselfly/testkit'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { type BenchDaemon, startBenchSwarm } from './harness/bench-swarm.ts'
import { takeTurns } from './harness/interleave.ts'
import { type Nginx, startNginx } from './harness/nginx.ts'
import { dataThreads, measureProcess, type ProcessCost } from './harness/process-cost.ts'
import { ourPrograms, requireProgram } from './harness/programs.ts'
import { runProcess } from './harness/run-process.ts'
import { median } from './harness/stats.ts'
import { downloadMany, forgetMany } from './small/downloads.ts'
import {
  checkCopies,
  emptyDir,
  type FileSet,
  fileNames,
  fileSets,
  writeFileSet,
} from './small/file-set.ts'

const defaultRuns = 5
/** Downloads at a time: of ours, and of the parallel curl. */
const inFlight = 16

interface World {
  readonly schedulerPid: number
  readonly parent: BenchDaemon
  readonly child: BenchDaemon
  readonly nginx: Nginx
  readonly curl: string
  readonly dir: string
  readonly runs: number
  readonly signal: AbortSignal
}

interface Pass extends ProcessCost {
  readonly ms: number
  readonly senderCpuMs: number
  /** Of ours only. */
  readonly schedulerCpuMs?: number
  /** Of whoever asks for the files; curl is its own caller. */
  readonly callerCpuMs?: number
}

/** How many files one daemon gives to another in a second. */
export const small: Bench = {
  name: 'small',
  title: 'many small files from one daemon to another, beside curl of the same list',
  async run(options: BenchOptions) {
    const { log, signal, only = '', runs = defaultRuns } = options
    const sets = fileSets.filter(({ name }) => name.includes(only))
    if (sets.length === 0) {
      throw new BenchError(`--only must be part of: ${fileSets.map((set) => set.name).join(' · ')}`)
    }
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    const programs = await ourPrograms(options, dir.path)
    await using nginx = await startNginx(nginxProgram, join(dir.path, 'nginx'))
    await using swarm = await startBenchSwarm({ programs, dir: join(dir.path, 'swarm'), signal })
    const world: World = {
      schedulerPid: swarm.schedulerPid,
      parent: await swarm.daemon('parent'),
      child: await swarm.daemon('child'),
      nginx,
      curl,
      dir: dir.path,
      runs,
      signal,
    }
    const cases: BenchCase[] = []
    for (const [index, set] of sets.entries()) {
      log(`${set.name}: the parent takes them from the origin`)
      cases.push(...(await measureSet(set, `set-${index}`, { ...world, log })))
    }
    return { bench: 'small', cases }
  },
}

async function measureSet(
  set: FileSet,
  path: string,
  { log, ...world }: World & { log: (text: string) => void },
): Promise<BenchCase[]> {
  const { parent, child, dir, nginx, runs, signal } = world
  const original = join(dir, 'nginx/www', path)
  await writeFileSet(set, original)
  const urlOf = (name: string): string => nginx.url(`${path}/${name}`)
  const prepared = parent.output(path)
  await mkdir(prepared)
  const all = (into: string) =>
    fileNames(set).map((name) => ({ url: urlOf(name), outputPath: join(into, name) }))
  const many = { inFlight, signal }
  await downloadMany(parent.socketPath, all(prepared), many)

  let isFirst = true
  const ours = async (): Promise<Pass> => {
    const copies = child.output(path)
    await settle(copies, signal)
    const pids = [child.pid, parent.pid, world.schedulerPid, process.pid] as const
    const ends = pids.map(measureProcess)
    const startedAt = performance.now()
    const { taskIds, bytesFromPeers } = await downloadMany(child.socketPath, all(copies), many)
    const ms = performance.now() - startedAt
    const [cost, sender, scheduler, caller] = ends.map((end) => end())
    if (cost === undefined) throw new BenchError('Nothing was measured.')
    if (bytesFromPeers !== set.count * set.sizeBytes) {
      throw new BenchError(`Only ${bytesFromPeers} bytes of ${set.name} came from the parent.`)
    }
    await checkCopies(set, { original, copies }, isFirst)
    isFirst = false
    await forgetMany(child.socketPath, taskIds, many)
    return {
      ms,
      ...cost,
      senderCpuMs: sender?.cpuMs ?? 0,
      schedulerCpuMs: scheduler?.cpuMs ?? 0,
      callerCpuMs: caller?.cpuMs ?? 0,
    }
  }
  const viaCurl = (flags: readonly string[]) => async (): Promise<Pass> => {
    const copies = join(dir, 'curl')
    await settle(copies, signal)
    const list = join(dir, 'curl.conf')
    const entries = all(copies).map((one) => `url = "${one.url}"\noutput = "${one.outputPath}"\n`)
    await writeFile(list, entries.join(''))
    const sender = measureProcess(nginx.pid)
    const command = [world.curl, '-sS', '-f', ...flags, '-K', list]
    const run = await runProcess(command, { isCostWanted: true, signal })
    const senderCpuMs = sender().cpuMs
    await checkCopies(set, { original, copies }, false)
    return { ...run, senderCpuMs }
  }
  log(`${set.name}: ${runs} runs each`)
  const parallel = ['--parallel', '--parallel-max', String(inFlight)]
  const sides = { ours, one: viaCurl([]), parallel: viaCurl(parallel) }
  const turns = await takeTurns<typeof sides, Pass>(runs, sides, signal)
  const threads = `${dataThreads(child.pid)} data threads in the child, ${dataThreads(parent.pid)} in the parent`
  return cases(set, turns, threads)
}

async function settle(copies: string, signal: AbortSignal): Promise<void> {
  await emptyDir(copies)
  // What one side has left to be written back would slow down the next one.
  await runProcess(['sync'], { signal })
}

function cases(
  { name, count }: FileSet,
  turns: Readonly<Record<'ours' | 'one' | 'parallel', readonly Pass[]>>,
  threads: string,
): BenchCase[] {
  const rates = (of: readonly Pass[]) => median(of.map(({ ms }) => count / (ms / 1_000)))
  const perThousand = (of: readonly Pass[], what: (one: Pass) => number) =>
    median(of.map((one) => what(one) / (count / 1_000)))
  const sides = `ours: ${inFlight} downloads at a time through one connection to the child's socket, all files from the parent, every one a task of its own; ${threads}.`
  const ownCost = (title: string, what: (one: Pass) => number): BenchCase => ({
    name: `${name}, CPU per 1,000, ${title}`,
    unit: 'ms',
    ours: perThousand(turns.ours, what),
  })
  const cost = (title: string, what: (one: Pass) => number): BenchCase => ({
    ...ownCost(title, what),
    peer: perThousand(turns.one, what),
  })
  return [
    {
      name,
      unit: 'files/s',
      ours: rates(turns.ours),
      peer: rates(turns.one),
      note: `peer is one curl on one connection, one file after the other; ${sides}`,
    },
    {
      name: `${name}, parallel curl`,
      unit: 'files/s',
      ours: rates(turns.ours),
      peer: rates(turns.parallel),
      note: `peer is one curl with ${inFlight} transfers at a time; ${sides}`,
    },
    cost('receiver', ({ cpuMs }) => cpuMs),
    cost('sender', ({ senderCpuMs }) => senderCpuMs),
    ownCost('scheduler', ({ schedulerCpuMs = 0 }) => schedulerCpuMs),
    ownCost('caller', ({ callerCpuMs = 0 }) => callerCpuMs),
    {
      name: `${name}, peak RSS, receiver`,
      unit: 'MiB',
      ours: median(turns.ours.map(({ peakRssMiB }) => peakRssMiB)),
      peer: median(turns.one.map(({ peakRssMiB }) => peakRssMiB)),
    },
  ]
}
