import { stat, statfs } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { DfError, formatBytes } from '@damselfly/core'
import { type ProcessSwarm, sha256File, startProcessSwarm } from '@damselfly/testkit'
import { distribute, noCopy } from './distribute.ts'
import type { DemoOptions } from './options.ts'
import { type OriginProcess, startOriginProcess } from './origin-process.ts'
import { type DemoResult, demoResult } from './report.ts'
import { swarmView, type ViewOutput } from './swarm-view.ts'

export interface DemoRun {
  /** Of files, configurations and logs. */
  readonly dir: string
  /** Where progress is shown. */
  readonly output: ViewOutput
  readonly signal: AbortSignal
}

/** Starts everything, distributes the file, stops everything. Failed downloads are in the result. */
export async function runDemo(options: DemoOptions, run: DemoRun): Promise<DemoResult> {
  const { source } = options
  if ('url' in source) return distributeUrl(source.url, options, run)
  await checkSpace(source.file, options, run.dir)
  await using origin = await startOriginProcess(source.file)
  // Beside the start of the programs, which takes as long.
  const sha256 = sha256File(source.file)
  // It is asked for after the distribution, which may fail first.
  sha256.catch(() => {})
  // Not without `await`: the origin would be stopped at once.
  return await distributeUrl(origin.url, options, run, { origin, sha256 })
}

interface OwnOrigin {
  readonly origin: OriginProcess
  readonly sha256: Promise<string>
}

async function distributeUrl(
  url: string,
  options: DemoOptions,
  run: DemoRun,
  own?: OwnOrigin,
): Promise<DemoResult> {
  const { output, signal } = run
  const { peers, seeds } = options
  const roles = [own && 'an origin', 'a scheduler', plural(seeds, 'seed'), plural(peers, 'peer')]
  const list = new Intl.ListFormat('en-GB').format(roles.filter((role) => role !== undefined))
  output.write(`Starting ${list}, each a process of its own.\n`)
  await using swarm = await startSwarm(options, run)
  output.write(`Bringing ${url} to all peers at once.\n`)
  const copies = swarm.peers.map(({ name }) => noCopy(name))
  {
    using view = swarmView(output, () => ({ copies, originBytes: own?.origin.sentBytes }))
    await distribute({
      url,
      peers: swarm.peers,
      signal,
      onCopy(index, copy) {
        copies[index] = copy
        view.changed()
      },
    })
    await own?.origin.countSentBytes()
    view.changed()
  }
  return demoResult({
    copies,
    originBytes: own?.origin.sentBytes ?? (await bytesFromOrigin(swarm)),
    sha256: options.digest?.value ?? (await own?.sha256),
  })
}

function startSwarm(
  { peers, seeds }: DemoOptions,
  { dir, signal }: DemoRun,
): Promise<ProcessSwarm> {
  const program = (name: string): string[] => [
    process.execPath,
    fileURLToPath(new URL(`../packages/cli/bin/${name}.js`, import.meta.url)),
  ]
  const commands = { scheduler: program('scheduler'), dfdaemon: program('dfdaemon') }
  return startProcessSwarm({ commands, peers, seeds, dir, signal })
}

/** A store for each daemon; the outputs are hard links to them. */
async function checkSpace(file: string, { peers, seeds }: DemoOptions, dir: string): Promise<void> {
  const { size } = await stat(file)
  const { bavail, bsize } = await statfs(dir)
  const neededBytes = size * (peers + seeds)
  if (neededBytes <= bavail * bsize) return
  const text = `The copies need ${formatBytes(neededBytes)} and ${dir} has ${formatBytes(bavail * bsize)}: take a smaller file or fewer peers, or set TMPDIR to a directory with more room.`
  throw new DfError('InvalidArgument', text)
}

/** For an origin that cannot be asked: what all daemons say they took from it. */
async function bytesFromOrigin({ seeds, peers }: ProcessSwarm): Promise<number> {
  const counts = await Promise.all(
    [...seeds, ...peers].map((daemon) => backToSource(daemon.metricsUrl)),
  )
  return counts.reduce((sum, bytes) => sum + bytes, 0)
}

async function backToSource(metricsUrl: string): Promise<number> {
  const text = await (await fetch(metricsUrl)).text()
  const sample = /^dragonfly_client_download_traffic\{type="BACK_TO_SOURCE"\} (\S+)$/m.exec(text)
  return Number(sample?.[1] ?? 0)
}

function plural(count: number, noun: string): string | undefined {
  if (count === 0) return undefined
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`
}
