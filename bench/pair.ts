import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DfdaemonDownload } from '@damselfly/api/dfdaemon'
import { openChannel } from '@damselfly/rpc'
import { type DaemonProcess, sha256File, startProcessSwarm, tmpDir } from '@damselfly/testkit'
import { type Bench, type BenchCase, BenchError, type BenchOptions } from './harness/bench.ts'
import { interleave, type Sides } from './harness/interleave.ts'
import { startNginx } from './harness/nginx.ts'
import { ourPrograms, requireProgram } from './harness/programs.ts'
import { randomFile } from './harness/random-file.ts'
import { peakRssMiB, runProcess } from './harness/run-process.ts'
import { median } from './harness/stats.ts'

const defaultRuns = 5
const sizeMiB = 1024

interface Transfer {
  readonly mibPerSec: number
  /** Of the receiver, where it is a process of one transfer. */
  readonly receiverRssMiB: number
}

/** How fast one daemon gives to another. */
export const pair: Bench = {
  name: 'pair',
  title: '1 GiB from one daemon to another, to disk, beside nginx and curl',
  async run(options: BenchOptions) {
    const { log, signal, runs = defaultRuns } = options
    const curl = requireProgram('curl', 'curl')
    const nginxProgram = requireProgram('nginx', 'nginx-light')
    await using dir = await tmpDir()
    const programs = await ourPrograms(options, dir.path)
    await using nginx = await startNginx(nginxProgram, join(dir.path, 'nginx'))
    const sha256 = await randomFile(join(dir.path, 'nginx/www/file'), sizeMiB)
    await using swarm = await startProcessSwarm({ commands: programs, peers: 2, seeds: 0, signal })
    const [parent, child] = swarm.peers
    if (parent === undefined || child === undefined) throw new BenchError('The swarm has no pair.')
    const url = nginx.url('file')

    log('the parent takes the file from the origin')
    await parent.download(url, { signal })
    // Writing back what was prepared would disturb the first runs.
    await runProcess(['sync'], { signal })
    log(`${runs} runs each`)
    const ours = (): Promise<Transfer> => transfer(child, { url, sha256, signal })
    const output = join(dir.path, 'curl.out')
    const sides = { ours, peer: () => curlTransfer([curl, '-sS', '-f', '-o', output, url], signal) }
    const transfers = await interleave(runs, sides, signal)
    const rss = { child: peakRssMiB(child.pid), parent: peakRssMiB(parent.pid) }
    return { bench: 'pair', cases: cases(transfers, { ...rss, nginx: peakRssMiB(nginx.pid) }) }

    async function curlTransfer(command: string[], abort: AbortSignal): Promise<Transfer> {
      const { ms, peakRssMiB } = await runProcess(command, { isRssWanted: true, signal: abort })
      await rm(output)
      return { mibPerSec: rate(ms), receiverRssMiB: peakRssMiB }
    }
  },
}

/** Lets the child take the file from the parent, and forget it again. */
async function transfer(
  child: DaemonProcess,
  { url, sha256, signal }: { url: string; sha256: string; signal: AbortSignal },
): Promise<Transfer> {
  const outputPath = child.output('copy')
  const result = await child.download(url, { outputPath, signal })
  const expectedBytes = sizeMiB * 1024 ** 2
  if (result.bytesFromPeers !== expectedBytes) {
    throw new BenchError(
      `Only ${result.bytesFromPeers} of ${expectedBytes} bytes came from the parent, ${result.bytesFromOrigin} from the origin.`,
    )
  }
  if ((await sha256File(outputPath)) !== sha256) throw new BenchError('The copy is not the file.')
  await rm(outputPath)
  using channel = openChannel({ path: child.socketPath }, { unavailable: 'DaemonUnavailable' })
  await channel.client(DfdaemonDownload).deleteTask({ taskId: result.taskId })
  return { mibPerSec: rate(result.ms), receiverRssMiB: 0 }
}

const rate = (ms: number): number => sizeMiB / (ms / 1_000)

function cases(
  { ours, peer }: Sides<Transfer>,
  rss: { child: number; parent: number; nginx: number },
): BenchCase[] {
  const rates = (of: readonly Transfer[]) => median(of.map(({ mibPerSec }) => mibPerSec))
  const curl = Math.max(...peer.map(({ receiverRssMiB }) => receiverRssMiB))
  return [
    {
      name: '1 GiB to disk',
      unit: 'MiB/s',
      ours: rates(ours),
      peer: rates(peer),
      rssMiB: rss.child,
      note: 'peer is nginx (sendfile) and curl; warm page cache; every copy of ours verified.',
    },
    { name: 'peak RSS, receiver', unit: 'MiB', ours: { value: rss.child }, peer: { value: curl } },
    {
      name: 'peak RSS, sender',
      unit: 'MiB',
      ours: { value: rss.parent },
      peer: { value: rss.nginx },
      note: 'ours took the file from the origin before, which counts.',
    },
  ]
}
