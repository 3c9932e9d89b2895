import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DfError, hrw, pieceGeometry } from '@damselfly/core'
import { type DownloadResult, sha256File, tmpDir } from '@damselfly/testkit'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { type Nginx, startNginx } from './harness/nginx.ts'
import { type OurPrograms, ourPrograms, requireProgram } from './harness/programs.ts'
import { randomFile } from './harness/random-file.ts'
import { runProcess } from './harness/run-process.ts'
import { median } from './harness/stats.ts'
import { type LabHost, startLab } from './shaped/lab.ts'
import { type ShapedDaemon, type ShapedSwarm, startShapedSwarm } from './shaped/shaped-swarm.ts'

const defaultRuns = 3
const defaultSizeMiB = 256
const peers = 20
const seeds = 2
const schedulers = 3
const linkMbit = 100
const fastMbit = 1000
const newFile = 'new'
const newFileMiB = 1

/** A flash crowd of real processes, each behind a link of its own. */
export const shaped: Bench = {
  name: 'shaped',
  title: `${peers} peers and ${seeds} seeds behind links of ${linkMbit} Mbit/s, beside the fluid bound`,
  async run(options: BenchOptions) {
    const { log, signal, runs = defaultRuns, sizeMiB = defaultSizeMiB, only = '' } = options
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    const programs = await ourPrograms(options, dir.path)
    const links = (count: number, mbit: number): number[] => Array<number>(count).fill(mbit)
    await using lab = await startLab([
      ...links(1 + schedulers, fastMbit),
      ...links(seeds + peers, linkMbit),
    ])
    const [origin, ...others] = lab.hosts
    if (origin === undefined) throw new BenchError('The lab has no hosts.')
    const { ip, enter } = origin
    const www = join(dir.path, 'nginx')
    await using nginx = await startNginx(nginxProgram, www, { ip, enter, counts: true })
    const world = { programs, nginx, curl, dir: dir.path, hosts: others, sizeMiB, signal, log }
    const turns: Turn[] = []
    for (const kind of kinds.filter((name) => name.includes(only))) {
      for (let n = 0; n < runs; n++) {
        log(`${kind}: run ${n + 1} of ${runs}`)
        turns.push(await measure(kind, `${kind.replaceAll(' ', '-')}-${n}`, world))
      }
    }
    if (turns.length === 0) throw new BenchError(`--only must be part of: ${kinds.join(' · ')}`)
    return { bench: 'shaped', cases: kinds.flatMap((kind) => casesOf(kind, turns)) }
  },
}

const kinds = ['all at once', 'a scheduler killed half-way'] as const
type Kind = (typeof kinds)[number]

interface World {
  readonly programs: OurPrograms
  readonly nginx: Nginx
  readonly curl: string
  readonly dir: string
  /** Schedulers, seeds, peers. */
  readonly hosts: readonly LabHost[]
  readonly sizeMiB: number
  readonly signal: AbortSignal
  readonly log: BenchOptions['log']
}

interface Turn {
  readonly kind: Kind
  /** One file through one of these links. */
  readonly linkMs: number
  readonly boundMs: number
  readonly makespanMs: number
  readonly meanMs: number
  /** Bytes that left the origin, in files. */
  readonly origin: number
  readonly failed: number
  /** From the kill until a file that nobody knew was with a peer. */
  readonly newMs: number | undefined
}

async function measure(kind: Kind, name: string, world: World): Promise<Turn> {
  const { nginx, programs, dir, hosts, sizeMiB, signal } = world
  const www = join(dir, 'nginx/www')
  const sha256 = await randomFile(join(www, name), sizeMiB)
  await randomFile(join(www, `${newFile}-${name}`), newFileMiB)
  const swarmDir = join(dir, 'swarm')
  const isKill = kind !== 'all at once'
  const url = nginx.url(name)
  const peerHosts = hosts.slice(schedulers + seeds)
  const linkMs = await oneCurl(url, peerHosts[0], world)
  try {
    await using swarm = await startShapedSwarm({
      programs,
      dir: swarmDir,
      schedulers: hosts.slice(0, isKill ? schedulers : 1),
      seeds: hosts.slice(schedulers, schedulers + seeds),
      peers: peerHosts,
      signal,
    })
    const before = await nginx.bytesSent()
    const pieces = pieceGeometry(sizeMiB * 1024 ** 2).pieceCount
    const downloads = swarm.peers.map((peer) => download(peer, url, sha256, pieces))
    const settling = Promise.allSettled(downloads.map(({ done }) => done))
    const [watched] = downloads
    const newMs =
      isKill && watched !== undefined
        ? await killOwner(swarm, watched, nginx.url(`${newFile}-${name}`))
        : undefined
    const settled = await settling
    for (const one of settled) {
      if (one.status === 'rejected') world.log(`failed: ${DfError.from(one.reason).message}`)
    }
    const times = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value.ms] : []))
    const extra = isKill ? newFileMiB : 0
    const sentMiB = ((await nginx.bytesSent()) - before) / 1024 ** 2 - extra
    return {
      kind,
      linkMs,
      boundMs: boundMs(linkMs),
      makespanMs: Math.max(...times),
      meanMs: times.reduce((a, b) => a + b, 0) / times.length,
      origin: sentMiB / sizeMiB,
      failed: settled.length - times.length,
      newMs,
    }
  } finally {
    await rm(swarmDir, { recursive: true, force: true, maxRetries: 5 })
    await rm(join(www, name))
  }
}

/** What one of these links really carries: headers and shaping taken off. */
async function oneCurl(url: string, host: LabHost | undefined, world: World): Promise<number> {
  const output = join(world.dir, 'curl.out')
  const command = [...(host?.enter ?? []), world.curl, '-sS', '-f', '-o', output, url]
  const { ms } = await runProcess(command, { signal: world.signal })
  await rm(output)
  return ms
}

interface Watched {
  readonly done: Promise<DownloadResult>
  /** The task's id, when half of the pieces are there. */
  readonly half: Promise<string>
}

function download(peer: ShapedDaemon, url: string, sha256: string, pieces: number): Watched {
  const half = Promise.withResolvers<string>()
  half.promise.catch(() => {})
  const outputPath = peer.output('file')
  let arrived = 0
  const run = async (): Promise<DownloadResult> => {
    const result = await peer.download(url, {
      outputPath,
      onMessage({ taskId, response }) {
        if (response.case === 'downloadPieceFinishedResponse') arrived += 1
        if (arrived >= pieces / 2) half.resolve(taskId)
      },
    })
    if ((await sha256File(outputPath)) === sha256) return result
    throw new BenchError(`${peer.name}: the copy is not the file.`)
  }
  const done = run()
  done.catch(half.reject)
  return { done, half: half.promise }
}

/** Kills the scheduler of the task in mid-download; returns how long a file that nobody knew takes from then on. */
async function killOwner(
  { schedulers, peers }: ShapedSwarm,
  { half }: Watched,
  newUrl: string,
): Promise<number> {
  const taskId = await half
  const [owner] = hrw(
    taskId,
    schedulers.map(({ address }) => address),
  )
  await schedulers.find(({ address }) => address === owner)?.kill()
  const last = peers.at(-1)
  if (last === undefined) throw new BenchError('The lab has no peers.')
  const { ms } = await last.download(newUrl, { outputPath: last.output('new') })
  return ms
}

/** `max(F/U_s, F/d, nF/(U_s + sum u))` of Kumar and Ross, HotWeb 2006, with equal links of which one takes `linkMs` for the file. */
function boundMs(linkMs: number): number {
  return linkMs * Math.max(1 / seeds, 1, peers / (seeds + peers))
}

function casesOf(kind: Kind, turns: readonly Turn[]): BenchCase[] {
  const own = turns.filter((turn) => turn.kind === kind)
  if (own.length === 0) return []
  const row = (what: string, of: (turn: Turn) => number, aim?: string): BenchCase => ({
    name: `${kind}, ${what}`,
    unit: 'x',
    ours: median(own.map(of)),
    ...(aim === undefined ? {} : { aim }),
    note: `${seeds} cold seeds; the bound is from what one curl gets through one of the links in the same run`,
  })
  const killed = own.flatMap(({ newMs }) => newMs ?? [])
  return [
    row('makespan / bound', (turn) => turn.makespanMs / turn.boundMs, '<= 1.30'),
    row('mean / bound', (turn) => turn.meanMs / turn.boundMs),
    row('bytes from the origin / file', (turn) => turn.origin, '<= 1.02'),
    row('failed downloads', (turn) => turn.failed, '<= 0'),
    ...(killed.length === 0
      ? []
      : [
          {
            name: `${kind}, a new file after it`,
            unit: 'ms',
            ours: median(killed),
            aim: '<= 2000',
          } as const,
        ]),
  ]
}
