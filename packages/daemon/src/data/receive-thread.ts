import { systemClock, systemNetwork, systemRandom } from '@damselfly/core'
import type { SourceRegistry } from '@damselfly/sources'
import { copyPiece, openPlace, PlacedPieceWriter } from '@damselfly/storage/place'
import { PeerLinks } from '@damselfly/transport'
import { type CutSink, cutBody } from './cut-body.ts'
import { HashSessions } from './hash-thread.ts'
import { Landings } from './landings.ts'
import type { ThreadContext } from './thread-context.ts'
import type {
  DeskMethods,
  PieceSpot,
  ReadSourceArgument,
  ReceiveMethods,
} from './thread-methods.ts'

/** Fetches pieces: socket, hash and file in one turn of this thread's event loop, through one buffer. */
export function receiveMethods({
  log,
  origins,
  links: linksOptions,
  control,
}: ThreadContext<DeskMethods>): ReceiveMethods {
  const world = { clock: systemClock, random: systemRandom, network: systemNetwork, log }
  const links = new PeerLinks(linksOptions, world)
  const hashes = new HashSessions()
  let sources: SourceRegistry | undefined

  const cutSink = (
    { reading, number, landings }: { reading: number; number: number; landings: Landings },
    { place, span }: PieceSpot,
  ): CutSink => {
    const open = openPlace(place)
    const writer = new PlacedPieceWriter(open, span)
    let isComplete = false
    return {
      write(chunk) {
        landings.check()
        writer.write(chunk)
        return writer.ready()
      },
      complete(costMs) {
        isComplete = true
        const landing = writer.finish().finally(() => open.close())
        landings.add(landing, (piece) => {
          control().tell('cut', { reading, number, costMs, ...piece })
        })
      },
      async abandon() {
        if (isComplete) return
        await open.close()
        control().tell('abandoned', { reading, number })
      },
    }
  }

  return {
    async receive({ place, span, ...asked }, signal) {
      const open = openPlace(place)
      try {
        const sink = new PlacedPieceWriter(open, span)
        const expectedLength = span.length
        const fetch = { ...asked, family: 'standard', expectedLength, sink } as const
        const header = await links.fetch({ ...fetch, signal })
        return { header, ...(await sink.finish()) }
      } finally {
        await open.close()
      }
    },

    async readSource(argument: ReadSourceArgument, signal: AbortSignal) {
      const { reading, url, header, options, geometry } = argument
      const request = { url: new URL(url), header }
      // Threads that only talk to peers do without an HTTP client.
      const { originSources } = await import('./origin-sources.ts')
      sources ??= originSources(origins, world)
      const body = await sources.for(request.url).read(request, { ...options, signal })
      const landings = new Landings()
      const target = {
        begins: (start: number) => control().call('begins', { reading, start }),
        async open(number: number): Promise<CutSink | 'skip' | 'end'> {
          const answer = await control().call('next', { reading, number }, signal)
          return typeof answer === 'string'
            ? answer
            : cutSink({ reading, number, landings }, answer)
        },
      }
      try {
        await cutBody(body, geometry, target, systemClock)
      } finally {
        await landings.settled()
      }
      landings.check()
    },

    hash: (argument) => hashes.update(argument),
    digest: (session) => hashes.digest(session),
    copy: (argument) => copyPiece(argument),

    async stop() {
      await Promise.all([links.close(), sources?.close()])
    },
  }
}
