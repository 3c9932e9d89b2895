/** Uplink, rack out, site out, site in, rack in, downlink. */
export const MAX_HOPS = 6

/** Columns of the flows; a row is used again after its flow has ended. Bytes and milliseconds. */
export interface FlowTable {
  /** Rows in use so far. */
  count: number
  /** Rows of the flows that run. */
  readonly active: number[]
  /** Where a row stands in `active`. */
  place: Int32Array
  /** `MAX_HOPS` links for each row, of which `hopCount` count. */
  hops: Int32Array
  hopCount: Uint8Array
  /** Bytes that had still to come at `since`, at `rate` from then on. */
  left: Float64Array
  since: Float64Array
  rate: Float64Array
  /** When the last byte comes if the rate stays. */
  due: Float64Array
  isHeld: Uint8Array
}

export function createFlowTable(rows = 1024): FlowTable {
  return {
    count: 0,
    active: [],
    place: new Int32Array(rows),
    hops: new Int32Array(rows * MAX_HOPS),
    hopCount: new Uint8Array(rows),
    left: new Float64Array(rows),
    since: new Float64Array(rows),
    rate: new Float64Array(rows),
    due: new Float64Array(rows),
    isHeld: new Uint8Array(rows),
  }
}

/** Twice as many rows. */
export function growFlows(table: FlowTable): void {
  const larger = createFlowTable(table.rate.length * 2)
  larger.place.set(table.place)
  larger.hops.set(table.hops)
  larger.hopCount.set(table.hopCount)
  larger.left.set(table.left)
  larger.since.set(table.since)
  larger.rate.set(table.rate)
  larger.due.set(table.due)
  larger.isHeld.set(table.isHeld)
  const { count, active } = table
  Object.assign(table, larger, { count, active })
}
