import type { ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { errorCode, isAbort } from '@damselfly/core'
import type { Answer } from './origin-answer.ts'
import type { Behaviour } from './origin-faults.ts'

/** How often a slowed body moves on. */
const PACE_MS = 20

export interface SendEvents {
  onHeaders(status: number): void
  /** That many bytes of the body have been given to the operating system. */
  onBodyBytes(count: number): void
}

/**
 * Sends the answer as the behaviour wants it. Each piece of the body is awaited until the operating system has it:
 * memory stays at one piece per response, and counts and cuts are exact. Returns early when the client is gone.
 */
export async function send(
  res: ServerResponse,
  answer: Answer,
  behaviour: Behaviour,
  events: SendEvents,
): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  try {
    if (behaviour.isReset) {
      res.socket?.resetAndDestroy()
      return
    }
    if (behaviour.hang === 'beforeHeaders') return
    if (behaviour.delayMs > 0) await delay(behaviour.delayMs, undefined, { signal: gone.signal })
    res.writeHead(answer.status, answer.headers)
    res.flushHeaders()
    events.onHeaders(answer.status)
    if (behaviour.hang === 'afterHeaders') return
    const sent = answer.hasBody ? await sendBody(res, answer, behaviour, gone.signal, events) : 0
    if (gone.signal.aborted) return
    if (answer.hasBody && isCutShort(sent, answer, behaviour)) res.destroy()
    else res.end()
  } catch (error) {
    if (!isAbort(error) && errorCode(error) !== 'ERR_STREAM_DESTROYED') res.destroy()
  }
}

/** Whether the body ends before what was promised: a server that has no more bytes to give hangs up. */
function isCutShort(sent: number, answer: Answer, behaviour: Behaviour): boolean {
  const promised = behaviour.isChunked ? 0 : (behaviour.claimBytes ?? 0)
  return sent < answer.end - answer.start || sent < promised
}

async function sendBody(
  res: ServerResponse,
  answer: Answer,
  { bytesPerSec, cutAfterBytes }: Behaviour,
  gone: AbortSignal,
  events: SendEvents,
): Promise<number> {
  const startedAt = performance.now()
  const end = Math.min(answer.end, answer.start + cutAfterBytes)
  const stepBytes = Math.max(1, Math.floor((bytesPerSec * PACE_MS) / 1000))
  let sent = 0
  for await (const chunk of answer.content.read(answer.start, end)) {
    for (let at = 0; at < chunk.byteLength; at += stepBytes) {
      const waitMs = startedAt + (sent / bytesPerSec) * 1000 - performance.now()
      if (waitMs > 0) await delay(waitMs, undefined, { signal: gone })
      const step = chunk.subarray(at, Math.min(chunk.byteLength, at + stepBytes))
      if (!(await written(res, step, gone))) return sent
      sent += step.byteLength
      events.onBodyBytes(step.byteLength)
    }
  }
  return sent
}

/** True when the operating system took the bytes, false when the connection ended before. */
function written(res: ServerResponse, bytes: Uint8Array, gone: AbortSignal): Promise<boolean> {
  if (gone.aborted || res.destroyed) return Promise.resolve(false)
  return new Promise((resolve) => {
    const onGone = (): void => resolve(false)
    gone.addEventListener('abort', onGone, { once: true })
    res.write(bytes, (error) => {
      gone.removeEventListener('abort', onGone)
      resolve(error === undefined || error === null)
    })
  })
}
