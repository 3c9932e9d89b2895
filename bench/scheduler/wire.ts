import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type BenchCase, BenchError, type BenchOptions } from '../harness/bench.ts'
import { median } from '../harness/stats.ts'
import type { LoadCommand, LoadShape } from './load.ts'
import type { ServerMessage } from './server.ts'

const serverProgram = fileURLToPath(new URL('server.ts', import.meta.url))
const loadProgram = fileURLToPath(new URL('load.ts', import.meta.url))

/** Two processes of so many hosts. */
const crowd = { hosts: 100, peersPerHost: 25, rounds: 20 }
const names = ['a', 'b']
const registers = names.length * crowd.hosts * crowd.peersPerHost
const reports = registers * crowd.rounds

interface WireFigures {
  readonly registersPerSec: number
  readonly reportsPerSec: number
  readonly mixedPerSec: number
  readonly lagP99Ms: number
}

const note = `${registers} peers of one task on ${names.length * crowd.hosts} hosts, each registers on a stream of its own and starts, then reports ${crowd.rounds} times with the others of its host; messages for each second of the scheduler's processor time, which is one thread.`

/** The scheduler as a process, and hosts in others. */
export async function wire({
  runs = 3,
  log,
  signal,
}: Pick<BenchOptions, 'runs' | 'log' | 'signal'>): Promise<BenchCase[]> {
  const figures: WireFigures[] = []
  for (let run = 0; run < runs; run++) {
    log(`gRPC: run ${run + 1} of ${runs}`)
    signal.throwIfAborted()
    figures.push(await runOnce())
  }
  const of = (what: keyof WireFigures) => median(figures.map((one) => one[what]))
  return [
    { name: 'gRPC, registers', unit: 'messages/s', ours: of('registersPerSec'), note },
    { name: 'gRPC, reports', unit: 'messages/s', ours: of('reportsPerSec'), note },
    {
      name: 'gRPC, registers and reports',
      unit: 'messages/s',
      ours: of('mixedPerSec'),
      aim: '>= 20000',
      note,
    },
    {
      name: 'gRPC, loop lag p99 at 20,000 reports a second',
      unit: 'ms',
      ours: of('lagP99Ms'),
      aim: '<= 20',
      note,
    },
  ]
}

async function runOnce(): Promise<WireFigures> {
  const children: ChildProcess[] = []
  try {
    const server = start(children, serverProgram, [])
    const started = await nextMessage<ServerMessage>(server)
    if (started.type !== 'started') throw new BenchError('the scheduler said something else first')
    const load = async (shape: Omit<LoadShape, 'port'>) => {
      const child = start(children, loadProgram, [JSON.stringify({ ...shape, port: started.port })])
      await nextMessage(child)
      return child
    }
    const seed = await load({ name: 'seed', hosts: 1, peersPerHost: 0, rounds: 0 })
    const loads = await Promise.all(names.map((name) => load({ name, ...crowd })))
    for (const child of [seed, ...loads]) await tell(child, 'connect')
    await used(server)
    await Promise.all(loads.map((child) => tell(child, 'register')))
    const registering = await used(server)
    await Promise.all(loads.map((child) => tell(child, 'report')))
    const reporting = await used(server)
    await Promise.all(loads.map((child) => tell(child, 'pace')))
    const paced = await used(server)
    const cpuSeconds = registering.cpuSeconds + reporting.cpuSeconds
    return {
      registersPerSec: registers / registering.cpuSeconds,
      reportsPerSec: reports / reporting.cpuSeconds,
      mixedPerSec: (registers + reports) / cpuSeconds,
      lagP99Ms: paced.lagP99Ms,
    }
  } finally {
    for (const child of children) child.kill()
  }
}

function start(children: ChildProcess[], program: string, args: string[]): ChildProcess {
  const execArgv = ['--disable-warning=ExperimentalWarning']
  const child = fork(program, args, { execArgv })
  children.push(child)
  return child
}

async function used(server: ChildProcess) {
  const answer = nextMessage<ServerMessage>(server)
  server.send('used')
  const message = await answer
  if (message.type !== 'used') throw new BenchError('the scheduler said something else')
  return message
}

async function tell(child: ChildProcess, command: LoadCommand): Promise<void> {
  const answer = nextMessage(child)
  child.send(command)
  await answer
}

async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const exited = once(child, 'exit').then(() => {
    throw new BenchError('a process of the benchmark has ended too early')
  })
  const [message] = await Promise.race([once(child, 'message'), exited])
  return message as T
}
