/** Less costs more CPU for each byte; more saves little, and takes memory and cache for each connection. */
const bufferBytes = 512 * 1024
const maxSpares = 8
const spares: Uint8Array[] = []

/** A buffer to read a connection into. Who does not give it back leaves it to the garbage collector. */
export const takeBuffer = (): Uint8Array => spares.pop() ?? Buffer.allocUnsafeSlow(bufferBytes)

/** Nobody may look at the buffer any more. */
export function giveBuffer(buffer: Uint8Array): void {
  if (spares.length < maxSpares) spares.push(buffer)
}
