import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below what the kernel gives to outgoing connections, which would take a port between the look and its use. */
const [first, end] = [20_000, 32_000]

let next = first + Math.floor(Math.random() * (end - first))

/** A TCP port of the loopback address that is free and stays so. */
export async function steadyPort(): Promise<number> {
  for (let tries = first; tries < end; tries++) {
    const port = next
    next = next + 1 < end ? next + 1 : first
    if (await isFree(port)) return port
  }
  throw new Error(`All ports from ${first} to ${end} are taken.`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
