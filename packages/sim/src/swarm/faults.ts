import type { Random } from '@damselfly/core'
import type { Fault } from '../scenarios/scenario.ts'
import type { SwarmPeer } from './swarm-peer.ts'

/** What faults do to a swarm. */
export interface Faulty {
  /** Downloading hosts that are alive. */
  readonly victims: readonly SwarmPeer[]
  readonly seeds: readonly SwarmPeer[]
  /** The scheduler is gone; or a new one is there, to whom everybody has to speak again. */
  setSchedulerUp(isUp: boolean): void
  /** The host is gone for now; or it is back with what it held. */
  setUp(peer: SwarmPeer, isUp: boolean): void
  /** These do not reach the others any more, nor the scheduler; or they do again. */
  setCut(peers: readonly SwarmPeer[], isCut: boolean): void
  kill(peer: SwarmPeer): void
}

/** Who is hit by a fault is drawn when it begins, and the same hosts recover when it ends. */
export class Faults {
  readonly #faults: readonly Fault[]
  readonly #swarm: Faulty
  readonly #random: Random
  readonly #hit = new Map<Fault, readonly SwarmPeer[]>()

  constructor(faults: readonly Fault[], swarm: Faulty, random: Random) {
    this.#faults = faults
    this.#swarm = swarm
    this.#random = random
  }

  begin(index: number): void {
    const fault = this.#faults[index]
    switch (fault?.type) {
      case 'schedulerRestart':
        this.#swarm.setSchedulerUp(false)
        break
      case 'hostRestart':
        for (const peer of this.#draw(fault, fault.share)) this.#swarm.setUp(peer, false)
        break
      case 'partition':
        this.#swarm.setCut(this.#draw(fault, fault.share), true)
        break
      case 'seedDeath': {
        const [seed] = this.#swarm.seeds
        if (seed !== undefined) this.#swarm.kill(seed)
        break
      }
    }
  }

  end(index: number): void {
    const fault = this.#faults[index]
    if (fault === undefined) return
    const hit = this.#hit.get(fault) ?? []
    if (fault.type === 'schedulerRestart') this.#swarm.setSchedulerUp(true)
    else if (fault.type === 'hostRestart') for (const peer of hit) this.#swarm.setUp(peer, true)
    else if (fault.type === 'partition') this.#swarm.setCut(hit, false)
  }

  #draw(fault: Fault, share: number): readonly SwarmPeer[] {
    const hit = this.#swarm.victims.filter(() => this.#random.next() < share)
    this.#hit.set(fault, hit)
    return hit
  }
}
