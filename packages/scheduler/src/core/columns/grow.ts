type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array

/** By a quarter more than before: columns of many slots waste little, and are copied seldom. */
const GROWTH = 1.25

/** The column with room for `length` entries, and some more. */
export function grown<C extends Column>(column: C, length: number): C {
  return resized(column, Math.max(length, Math.ceil(column.length * GROWTH)))
}

/** The column with exactly `length` entries; new ones are 0. */
export function resized<C extends Column>(column: C, length: number): C {
  const larger = new (column.constructor as new (length: number) => C)(length)
  larger.set(column)
  return larger
}

/** How many slots there are to be when `needed` do not fit any more. */
export const largerCapacity = (capacity: number, needed: number): number =>
  Math.max(64, needed, Math.ceil(capacity * GROWTH))
