import type { HostColumns } from '@damselfly/policy'
import { largerCapacity, resized } from './grow.ts'
import { PlaceNumbers } from './place-numbers.ts'
import { Slots } from './slots.ts'

/** The hot facts of all hosts, a row each. About 45 bytes for a host. */
export class HostTable implements HostColumns {
  rack = new Uint16Array(0)
  idc = new Uint8Array(0)
  region = new Uint8Array(0)
  upCapacity = new Float32Array(0)
  upEstimate = new Float32Array(0)
  upSamples = new Uint16Array(0)
  slots = new Uint8Array(0)
  activeUploads = new Uint16Array(0)
  outDegree = new Uint16Array(0)
  failures = new Float32Array(0)
  slowness = new Float32Array(0)
  isSeed = new Uint8Array(0)
  /** Children of all its peers; `outDegree` ends at 65,535. */
  children = new Uint32Array(0)
  /** The first of its peers, plus one; 0 = none. */
  firstPeer = new Uint32Array(0)
  readonly places = new PlaceNumbers()
  readonly #slots = new Slots()

  take(): number {
    const slot = this.#slots.take()
    if (slot >= this.rack.length) this.#grow(largerCapacity(this.rack.length, slot + 1))
    return slot
  }

  /** The row is zero for the next one. */
  giveBack(slot: number): void {
    for (const column of this.#columns()) column[slot] = 0
    this.#slots.giveBack(slot)
  }

  addChildren(slot: number, count: number): void {
    const children = (this.children[slot] as number) + count
    this.children[slot] = children
    this.outDegree[slot] = Math.min(children, 0xffff)
  }

  #columns() {
    const { rack, idc, region, upCapacity, upEstimate, upSamples, slots, activeUploads } = this
    const { outDegree, failures, slowness, isSeed, children, firstPeer } = this
    const places = [rack, idc, region, upCapacity, upEstimate, upSamples, slots, activeUploads]
    return [...places, outDegree, failures, slowness, isSeed, children, firstPeer]
  }

  #grow(capacity: number): void {
    this.rack = resized(this.rack, capacity)
    this.idc = resized(this.idc, capacity)
    this.region = resized(this.region, capacity)
    this.upCapacity = resized(this.upCapacity, capacity)
    this.upEstimate = resized(this.upEstimate, capacity)
    this.upSamples = resized(this.upSamples, capacity)
    this.slots = resized(this.slots, capacity)
    this.activeUploads = resized(this.activeUploads, capacity)
    this.outDegree = resized(this.outDegree, capacity)
    this.failures = resized(this.failures, capacity)
    this.slowness = resized(this.slowness, capacity)
    this.isSeed = resized(this.isSeed, capacity)
    this.children = resized(this.children, capacity)
    this.firstPeer = resized(this.firstPeer, capacity)
  }
}
