import { getEventListeners } from 'node:events'
import { encodePieceContent, type PieceSink } from '@damselfly/transport'
import { describe, expect, test } from 'vitest'
import { content, fetchFrom, MiB, piece, pieces, rawServer, serve, until } from './harness.ts'

const head = (length: number): Uint8Array =>
  encodePieceContent(piece(0, new Uint8Array(length)), 'standard', 1)

describe('aborting', () => {
  const reason = new Error('not wanted any more')

  test('closes the connection at once, rejects with the reason, and leaves nothing behind', async () => {
    const closed = Promise.withResolvers<void>()
    await using peer = await rawServer((socket) => {
      for (const event of ['end', 'close']) socket.on(event, () => closed.resolve())
      socket.once('data', () => socket.write(Buffer.concat([head(8 * MiB), content(MiB)])))
    })
    const controller = new AbortController()
    let calls = 0
    const sink: PieceSink = {
      async write() {
        calls += 1
        if (calls === 2) controller.abort(reason)
      },
    }
    const fetched = fetchFrom(peer, 8 * MiB, { sink, signal: controller.signal })
    await expect(fetched).rejects.toBe(reason)
    expect(calls).toBe(2)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    await closed.promise
    expect(calls).toBe(2)
  })

  test('does not settle while the sink still writes', async () => {
    await using server = await serve(pieces(piece(0, content(8 * MiB))))
    const controller = new AbortController()
    const gate = Promise.withResolvers<void>()
    const entered = Promise.withResolvers<void>()
    let isWriting = false
    const sink: PieceSink = {
      async write() {
        isWriting = true
        entered.resolve()
        await gate.promise
        isWriting = false
      },
    }
    const fetched = fetchFrom(server, 8 * MiB, { sink, signal: controller.signal })
    const outcome = fetched.then(
      () => 'fetched',
      (error) => ({ error, isWriting }),
    )
    await entered.promise
    controller.abort(reason)
    await until(() => server.connections === 0)
    gate.resolve()
    expect(await outcome).toEqual({ error: reason, isWriting: false })
  })

  test('before it begins, nothing is connected', async () => {
    const signal = AbortSignal.abort(reason)
    const endpoint = { host: '127.0.0.1', port: 1 }
    await expect(fetchFrom({ endpoint }, 10, { signal })).rejects.toBe(reason)
  })

  test('a signal that outlives many fetches collects no listeners', async () => {
    await using server = await serve(pieces(piece(0, content(10))))
    const { signal } = new AbortController()
    for (let i = 0; i < 20; i++) await fetchFrom(server, 10, { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
