import type { PeerList } from '@damselfly/policy'
import { grown } from './grow.ts'

/** Where each slot is in one kind of list; a slot is in at most one list of that kind. */
export interface Places {
  /** Indexed by slot. */
  readonly at: Uint32Array
}

/** Slots in no order, dense, so that one can be drawn by chance. Who leaves is replaced by the last one. */
export class SlotList implements PeerList {
  ids = new Uint32Array(0)
  size = 0

  add(slot: number, places: Places): void {
    if (this.size === this.ids.length) this.ids = grown(this.ids, Math.max(4, this.size + 1))
    this.ids[this.size] = slot
    places.at[slot] = this.size
    this.size += 1
  }

  /** The slot must be in this list. */
  remove(slot: number, places: Places): void {
    this.size -= 1
    const last = this.ids[this.size] as number
    const at = places.at[slot] as number
    this.ids[at] = last
    places.at[last] = at
  }

  /** A copy, so that the list may change meanwhile. */
  slots(): Uint32Array {
    return this.ids.slice(0, this.size)
  }
}

export const nobody: PeerList = { ids: new Uint32Array(0), size: 0 }
