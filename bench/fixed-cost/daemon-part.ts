import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import type { DaemonProcess, DownloadResult } from '@damselfly/testkit'
import type { FixedCostWorld } from '../fixed-cost.ts'
import { type BenchCase, BenchError } from '../harness/bench.ts'
import { interleave } from '../harness/interleave.ts'
import { median, percentile } from '../harness/stats.ts'

/**
 * cold: the peer is told to go to the origin. warm: another peer has the file. cached: this daemon has it.
 * seed: nobody has it, and there is a seed to fetch it.
 */
export type Kind = 'cold' | 'warm' | 'cached' | 'seed'

export interface DaemonPartOptions {
  readonly kinds: readonly Kind[]
  readonly samples: number
  readonly log: (text: string) => void
  readonly signal: AbortSignal
}

const titles: Readonly<Record<Kind, string>> = {
  cold: 'daemon, cold, from origin',
  warm: 'daemon, warm, from peer',
  cached: 'daemon, cached',
  seed: 'daemon, cold, with a seed',
}

/** Where the byte has to come from for the case to be what its name says. */
const givers: Readonly<Record<Kind, (result: DownloadResult) => number>> = {
  cold: (result) => result.bytesFromOrigin,
  warm: (result) => result.bytesFromPeers,
  cached: (result) => result.bytesFromCache,
  seed: (result) => result.bytesFromSeeds,
}

/** Programs compile what they use in the first calls. */
const warmUpCalls = 20

/**
 * From opening the daemon's socket until it says that the download has finished, asked by a client that stays alive,
 * beside an HTTP request to the origin by the same client on a connection of its own.
 */
export async function daemonPart(
  world: FixedCostWorld,
  options: DaemonPartOptions,
): Promise<BenchCase[]> {
  const cases: BenchCase[] = []
  for (const kind of options.kinds) {
    options.log(`${titles[kind]}, ${options.samples} samples`)
    cases.push(...(await measureKind(kind, world, options)))
  }
  return cases
}

async function measureKind(
  kind: Kind,
  world: FixedCostWorld,
  { samples, signal }: DaemonPartOptions,
): Promise<BenchCase[]> {
  let elsewhere = 0
  const ask = await asker(kind, world, signal)
  const sides = {
    async ours(): Promise<number> {
      const result = await ask()
      if (givers[kind](result) !== 1) elsewhere += 1
      return result.ms
    },
    peer: () => httpRequest(world.freshUrl()),
  }
  await interleave(warmUpCalls, sides, signal)
  elsewhere = 0
  const { ours, peer } = await interleave(samples, sides, signal)
  const other = elsewhere === 0 ? '' : ` ${elsewhere} of ${samples} came from elsewhere.`
  const note = `peer is one HTTP request to the origin.${other}`
  const p99 = (of: readonly number[]) => ({ value: percentile(of, 99) })
  return [
    { name: `${titles[kind]}, p50`, unit: 'ms', ours: median(ours), peer: median(peer), note },
    { name: `${titles[kind]}, p99`, unit: 'ms', ours: p99(ours), peer: p99(peer) },
  ]
}

/** One measured download of that kind per call. */
async function asker(
  kind: Kind,
  { swarm, freshUrl }: FixedCostWorld,
  signal: AbortSignal,
): Promise<() => Promise<DownloadResult>> {
  const [first, second] = swarm.peers
  switch (kind) {
    case 'cold':
    case 'seed':
      return () => need(first).download(freshUrl(), { signal })
    case 'warm':
      return async () => {
        const url = freshUrl()
        await need(first).download(url, { signal })
        return need(second).download(url, { signal })
      }
    case 'cached': {
      const url = freshUrl()
      await need(first).download(url, { signal })
      return () => need(first).download(url, { signal })
    }
    default:
      return kind satisfies never
  }
}

function need(daemon: DaemonProcess | undefined): DaemonProcess {
  if (daemon === undefined) throw new BenchError('The swarm has too few peers.')
  return daemon
}

async function httpRequest(url: string): Promise<number> {
  const startedAt = performance.now()
  const request = get(url, { agent: false })
  const [response]: IncomingMessage[] = await once(request, 'response')
  response?.resume()
  if (response?.complete === false) await once(response, 'end')
  return performance.now() - startedAt
}
