import { rm, stat } from 'node:fs/promises'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { openChannel } from '@damselfly/rpc'
import { sha256File } from '@damselfly/testkit'
import type { Daemon } from '../../e2e/interop/world.ts'
import { type BenchCase, BenchError } from '../harness/bench.ts'
import { measureProcess, type ProcessCost } from '../harness/process-cost.ts'
import { runProcess } from '../harness/run-process.ts'
import { median } from '../harness/stats.ts'
import type { RustPairWorld } from '../rust-pair.ts'

type Kind = Daemon['kind']

interface Options {
  readonly runs: number
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

interface Subject {
  readonly url: string
  readonly sizeMiB: number
  readonly digest: string
}

interface Transfer {
  readonly mibPerSec: number
  readonly child: ProcessCost
  readonly parent: ProcessCost
}

const MiB = 1024 ** 2
const sizesGiB = [1, 4]
const kinds: readonly Kind[] = ['rust', 'ours']
const pairs = kinds.flatMap((child) => kinds.map((parent) => ({ child, parent })))
const titles: Readonly<Record<Kind, string>> = { ours: 'ours', rust: 'Rust' }
const note =
  'peer is Rust <- Rust; warm page cache; our scheduler; child <- parent; the first copy of each pair verified.'

/** Every child takes the files from every parent, in turn. */
export async function transfers(swarm: RustPairWorld, options: Options): Promise<BenchCase[]> {
  const cases: BenchCase[] = []
  for (const sizeGiB of sizesGiB) {
    const sizeMiB = sizeGiB * 1024
    const path = `/big-${sizeGiB}`
    const url = swarm.world.origin.put(path, { sizeBytes: sizeMiB * MiB, seed: sizeGiB })
    const subject = { url, sizeMiB, digest: await swarm.world.origin.digest(path) }
    cases.push(...(await measureSize(swarm, subject, options)))
  }
  return cases
}

async function measureSize(
  { parents, children }: RustPairWorld,
  subject: Subject,
  { runs, log, signal }: Options,
): Promise<BenchCase[]> {
  const gib = `${subject.sizeMiB / 1024} GiB`
  log(`${gib}: the parents take it from the origin`)
  // One task for each parent, so that no child has more than one to choose from.
  for (const kind of kinds) await parents[kind].download(subject.url, tagged(kind, signal))
  await runProcess(['sync'], { signal })
  log(`${gib}: ${runs} runs of each pair`)
  const results = new Map(pairs.map((pair) => [pair, [] as Transfer[]]))
  for (let run = 0; run < runs; run++) {
    // Nobody is always the first after the preparation.
    for (const [{ child, parent }, list] of rotated([...results], run)) {
      signal.throwIfAborted()
      const ends = { child: children[child], parent: parents[parent] }
      list.push(await transfer(ends, subject, { isVerified: run === 0, signal }))
    }
  }
  return sizeCases(gib, subject, results)
}

function rotated<T>(list: readonly T[], by: number): T[] {
  const at = by % list.length
  return [...list.slice(at), ...list.slice(0, at)]
}

const tagged = (parent: Kind, signal: AbortSignal) => ({ download: { tag: parent }, signal })

/** Lets the child take the file from the parent, and forget it again. */
async function transfer(
  { child, parent }: { child: Daemon; parent: Daemon },
  { url, sizeMiB, digest }: Subject,
  { isVerified, signal }: { isVerified: boolean; signal: AbortSignal },
): Promise<Transfer> {
  const outputPath = child.output('copy')
  const [endChild, endParent] = [child, parent].map(({ program }) => measureProcess(program.pid))
  const result = await child.download(url, { ...tagged(parent.kind, signal), outputPath })
  const costs = { child: endChild!(), parent: endParent!() }
  if (result.bytesFromPeers !== sizeMiB * MiB) {
    throw new BenchError(
      `Only ${result.bytesFromPeers} of ${sizeMiB * MiB} bytes went from ${parent.name} to ${child.name}, ${result.bytesFromOrigin} came from the origin.`,
    )
  }
  const isWhole = isVerified
    ? (await sha256File(outputPath)) === digest
    : (await stat(outputPath)).size === sizeMiB * MiB
  if (!isWhole) throw new BenchError(`The copy of ${child.name} is not the file.`)
  await rm(outputPath)
  using channel = openChannel({ path: child.socketPath }, { unavailable: 'DaemonUnavailable' })
  await channel.client(DfdaemonDownload).deleteTask({ taskId: result.taskId })
  return { mibPerSec: sizeMiB / (result.ms / 1_000), ...costs }
}

function sizeCases(
  gib: string,
  { sizeMiB }: Subject,
  results: ReadonlyMap<(typeof pairs)[number], readonly Transfer[]>,
): BenchCase[] {
  const [[, peer = []] = [], ...others] = results
  const perGiB = (cpuMs: number): number => cpuMs / (sizeMiB / 1024)
  return others.flatMap(([{ child, parent }, ours]) => {
    const row = (what: string, unit: BenchCase['unit'], of: (one: Transfer) => number) => ({
      name: `${gib} ${titles[child]} <- ${titles[parent]}${what}`,
      unit,
      ours: median(ours.map(of)),
      peer: median(peer.map(of)),
      note,
    })
    return [
      row('', 'MiB/s', (one) => one.mibPerSec),
      row(', CPU per GiB, child', 'ms', (one) => perGiB(one.child.cpuMs)),
      row(', CPU per GiB, parent', 'ms', (one) => perGiB(one.parent.cpuMs)),
      row(', peak RSS, child', 'MiB', (one) => one.child.peakRssMiB),
      row(', peak RSS, parent', 'MiB', (one) => one.parent.peakRssMiB),
    ]
  })
}
