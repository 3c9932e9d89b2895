import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PieceStore } from '@damselfly/storage'
import { generatedBytes } from '@damselfly/testkit'
import type { BenchCase, BenchOptions } from '../harness/bench.ts'
import { runProcess } from '../harness/run-process.ts'
import { median } from '../harness/stats.ts'
import { openKind, type StoreKind, taskOf } from './kinds.ts'
import { lanes, readPieces, readPlainFile, writePieces, writePlainFile } from './passes.ts'

interface Load {
  readonly name: string
  readonly unit: 'MiB/s' | 'pieces/s'
  readonly pieces: number
  readonly pieceLength: number
}

/** Large pieces show what moving bytes costs, small ones what a piece costs. */
const loads = (isDurable: boolean): readonly Load[] => [
  { name: 'pieces of 4 MiB', unit: 'MiB/s', pieces: 128, pieceLength: 4 * 1024 ** 2 },
  {
    name: 'pieces of 4 KiB',
    unit: 'pieces/s',
    pieces: isDurable ? 1_000 : 10_000,
    pieceLength: 4 * 1024,
  },
]

const sampleBytes = 64 * 1024 ** 2

interface Pass {
  readonly inMs: number
  readonly outMs: number
}

/** In and out of one kind of store, beside a plain file. */
export async function throughput(
  kind: StoreKind,
  dir: string,
  { runs, log, signal }: BenchOptions & { runs: number },
): Promise<BenchCase[]> {
  const sample = generatedBytes(3, 0, sampleBytes)
  const directory = join(dir, 'store')
  await mkdir(directory, { recursive: true })
  const store = await openKind(kind, directory)
  try {
    const cases: BenchCase[] = []
    for (const load of loads(kind.isDurable === true)) {
      log(`${kind.name}, ${load.name}: ${runs} runs each`)
      const ours: Pass[] = []
      const peer: Pass[] = []
      // The first pass compiles what the others run.
      for (let run = -1; run < runs; run++) {
        signal.throwIfAborted()
        await runProcess(['sync'], { signal })
        const own = await storePass(store, load, { run, sample })
        await runProcess(['sync'], { signal })
        const plain = await plainPass(join(dir, 'plain'), load, { kind, sample })
        if (run < 0) continue
        ours.push(own)
        peer.push(plain)
      }
      cases.push(...loadCases(kind, load, { ours, peer }))
    }
    return cases
  } finally {
    await store.close()
    await rm(directory, { recursive: true, force: true })
  }
}

async function storePass(
  store: PieceStore,
  { name, pieces, pieceLength }: Load,
  { run, sample }: { run: number; sample: Uint8Array },
): Promise<Pass> {
  const task = await store.create(taskOf(`${name} ${run}`, pieces, pieceLength))
  const pass = { inMs: await writePieces(task, sample), outMs: readPieces(task) }
  await store.delete(task.spec.taskId)
  return pass
}

async function plainPass(
  path: string,
  { pieces, pieceLength }: Load,
  { kind, sample }: { kind: StoreKind; sample: Uint8Array },
): Promise<Pass> {
  const isSynced = kind.isDurable === true
  const inMs = writePlainFile(path, sample, { pieces, pieceLength, isSynced })
  const outMs = readPlainFile(path, pieceLength)
  await rm(path)
  return { inMs, outMs }
}

function loadCases(
  kind: StoreKind,
  { name, unit, pieces, pieceLength }: Load,
  { ours, peer }: { ours: readonly Pass[]; peer: readonly Pass[] },
): BenchCase[] {
  const amount = unit === 'MiB/s' ? (pieces * pieceLength) / 1024 ** 2 : pieces
  const rates = (of: readonly Pass[], what: keyof Pass) =>
    median(of.map((pass) => amount / (pass[what] / 1_000)))
  const synced = kind.isDurable === true ? ', synced after each piece' : ''
  const note = `one thread, ${lanes} pieces at a time, hashed (BLAKE3 and CRC-32) and recorded; peer is a plain file written and read by fs calls, neither hashed nor recorded${synced}.`
  return [
    {
      name: `${kind.name}, in, ${name}`,
      unit,
      ours: rates(ours, 'inMs'),
      peer: rates(peer, 'inMs'),
      note,
    },
    {
      name: `${kind.name}, out, ${name}`,
      unit,
      ours: rates(ours, 'outMs'),
      peer: rates(peer, 'outMs'),
      note,
    },
  ]
}
