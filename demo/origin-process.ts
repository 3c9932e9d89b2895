import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type Running, startWith } from '@damselfly/core'
import type { OriginMessage } from './origin.ts'

export interface OriginProcess extends Running {
  readonly url: string
  /** Bytes of bodies sent, as of its last report; it reports several times a second. */
  readonly sentBytes: number
  /** Asks for the number as it is now. */
  countSentBytes(): Promise<number>
}

/** Starts demo/origin.ts with one file to serve. */
export function startOriginProcess(file: string): Promise<OriginProcess> {
  return startWith(async (stack) => {
    const child = fork(fileURLToPath(new URL('origin.ts', import.meta.url)), [file])
    const exited = once(child, 'exit')
    stack.push('origin', async () => {
      if (child.connected) child.disconnect()
      await exited
    })
    let sentBytes = 0
    child.on('message', (message: OriginMessage) => {
      if ('sentBytes' in message) sentBytes = message.sentBytes
    })
    const nextMessage = (): Promise<OriginMessage> => {
      const ended = exited.then(([code]) => {
        throw new Error(`The origin process ended with code ${code}.`)
      })
      return Promise.race([once(child, 'message').then(([message]) => message), ended])
    }
    const first = await nextMessage()
    if (!('url' in first)) throw new Error('The origin process did not tell its URL.')
    return {
      ...stack.toRunning(),
      url: first.url,
      get sentBytes() {
        return sentBytes
      },
      async countSentBytes() {
        child.send('count')
        await nextMessage()
        return sentBytes
      },
    }
  })
}
