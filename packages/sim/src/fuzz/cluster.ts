import { type Clock, type Running, seededRandom } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { daemonConfigSchema, startDaemon } from '@damselfly/daemon'
import { type RunningScheduler, schedulerConfigSchema, startScheduler } from '@damselfly/scheduler'
import type { Trace } from '../virtual/trace.ts'
import type { HostEnd, VirtualHost } from '../virtual/virtual-host.ts'
import type { VirtualNetwork } from '../virtual/virtual-network.ts'
import type { VirtualOrigin } from '../virtual/virtual-origin.ts'
import type { HostPlan, Scenario } from './scenario.ts'
import { traceLog } from './trace-log.ts'

export const dataPort = 4_005
/** Where programs on a host reach its daemon: a name without a file. */
export const localSocket = '\0dfdaemon'
const schedulerPort = 8_002
const smallestPiece = 1_024

export interface ClusterDeps {
  readonly clock: Clock
  readonly network: VirtualNetwork
  readonly origin: VirtualOrigin
  readonly trace: Trace
}

/** A host and what runs on it, from one start to the end of that life. */
export interface Life {
  readonly plan: HostPlan
  readonly host: VirtualHost
  readonly startMs: number
  endMs: number
  /** Once it has started. */
  program: Running | undefined
  /** Its start and its end have been waited for. */
  over: Promise<void>
}

const isEnding = ({ endMs }: Life): boolean => endMs < Number.POSITIVE_INFINITY

/** The programs of a scenario, real ones, each on a host of the virtual network. */
export class Cluster {
  readonly #scenario: Scenario
  readonly #deps: ClusterDeps
  readonly lives: Life[] = []
  /** What went wrong where nothing may: starts that fail, stops that throw. */
  readonly problems: string[] = []

  constructor(scenario: Scenario, deps: ClusterDeps) {
    this.#scenario = scenario
    this.#deps = deps
  }

  /** The present life of a host, also of one that is down. */
  life(address: string): Life | undefined {
    return this.lives.findLast(({ plan }) => plan.address === address)
  }

  /** The schedulers that live. */
  schedulers(): { plan: HostPlan; running: RunningScheduler }[] {
    return this.lives.flatMap(({ plan, host, program }) =>
      plan.role === 'scheduler' && !host.isDown && program !== undefined
        ? [{ plan, running: program as RunningScheduler }]
        : [],
    )
  }

  /** Boots a host; its program is ready some time later. */
  start(plan: HostPlan): void {
    const { network, clock, trace } = this.#deps
    const host = network.boot(plan.address)
    host.uplink.bytesPerMs = plan.uplinkBytesPerMs
    const startMs = clock.monotonic()
    const life: Life = {
      plan,
      host,
      startMs,
      endMs: Number.POSITIVE_INFINITY,
      program: undefined,
      over: Promise.resolve(),
    }
    trace.note('boot', plan.address)
    this.lives.push(life)
    life.over = this.#run(life)
  }

  /** What runs there loses everything at once. */
  kill(address: string, how: HostEnd): void {
    const life = this.life(address)
    if (life === undefined || isEnding(life)) return
    this.#deps.trace.note(`kill ${how}`, address)
    life.endMs = this.#deps.clock.monotonic()
    life.host.goDown(how)
    // The program itself cannot be taken from the process; cut off from everything, it may as well tidy up.
    life.over = life.over.then(() => this.#stop(life))
  }

  /** Stops what runs there, in its own time. */
  shutDown(address: string): void {
    const life = this.life(address)
    if (life === undefined || isEnding(life)) return
    this.#deps.trace.note('stop', address)
    life.endMs = this.#deps.clock.monotonic()
    life.over = life.over.then(async () => {
      await this.#stop(life)
      life.host.goDown('reset')
    })
  }

  /** Unless it runs, or has been started again already: as soon as its last life has ended. */
  startAgain(plan: HostPlan): void {
    const life = this.life(plan.address)
    if (life === undefined || !isEnding(life)) return
    if (life.host.isDown) this.start(plan)
    else void life.over.then(() => life === this.life(plan.address) && this.start(plan))
  }

  /** A clean stop of everything that lives, daemons first. */
  async stop(): Promise<void> {
    const isScheduler = ({ plan }: Life): boolean => plan.role === 'scheduler'
    const stopAll = (lives: Life[]): Promise<unknown> =>
      Promise.all(lives.map((life) => (isEnding(life) ? life.over : this.#stop(life))))
    await stopAll(this.lives.filter((life) => !isScheduler(life)))
    await stopAll(this.lives.filter(isScheduler))
  }

  async #run(life: Life): Promise<void> {
    try {
      life.program = await (life.plan.role === 'scheduler'
        ? this.#startScheduler(life)
        : this.#startDaemon(life))
    } catch (error) {
      if (!life.host.isDown) this.problems.push(`${life.plan.name} did not start: ${error}`)
    }
  }

  async #stop({ plan, program }: Life): Promise<void> {
    try {
      await program?.stop()
    } catch (error) {
      this.problems.push(`${plan.name} did not stop well: ${error}`)
    }
  }

  #startScheduler({ plan, host, startMs }: Life): Promise<RunningScheduler> {
    const { clock, trace } = this.#deps
    return startScheduler(
      loadConfig({
        schema: schedulerConfigSchema,
        overrides: { server: { listenIP: plan.address, port: schedulerPort } },
      }),
      {
        clock,
        network: host,
        random: this.#random(plan, startMs),
        log: traceLog(trace, plan.name),
      },
    )
  }

  #startDaemon({ plan, host, startMs }: Life): Promise<Running> {
    const { clock, trace, origin } = this.#deps
    const { name, address, role } = plan
    const server = (port: number) => ({ server: { ip: address, port } })
    const config = loadConfig({
      schema: daemonConfigSchema,
      overrides: {
        host: { ip: address, hostname: name },
        download: { server: { socketPath: localSocket } },
        upload: server(4_000),
        health: server(4_003),
        metrics: server(4_002),
        storage: {
          dir: '/nowhere',
          kind: 'memory',
          memory: { maxBytes: '64MiB' },
          server: { ip: address, tcpPort: dataPort },
        },
        seedPeer: { enable: role === 'seed' },
        scheduler: { addrs: this.#schedulerAddresses() },
        shutdown: { grace: '500ms' },
        transfer: { threads: 0 },
      },
    })
    return startDaemon(config, {
      clock,
      network: host,
      random: this.#random(plan, startMs),
      log: traceLog(trace, name),
      version: 'sim',
      sources: [origin.source(host, clock)],
      minPieceLength: smallestPiece,
    })
  }

  #schedulerAddresses(): string[] {
    return this.#scenario.hosts
      .filter(({ role }) => role === 'scheduler')
      .map(({ address }) => `${address}:${schedulerPort}`)
  }

  #random({ address }: HostPlan, startMs: number) {
    const text = `${this.#scenario.seed} ${address} ${startMs}`
    return seededRandom([...text].reduce((sum, c) => Math.imul(sum, 31) + c.charCodeAt(0), 17))
  }
}
