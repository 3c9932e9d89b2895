import type { SourceRequest, SourceStat } from '../source.ts'
import { type AskDeps, askOrigin, isWhole } from './ask.ts'
import { contentRangeOf, wholeLengthOf } from './content.ts'
import { protocolError } from './errors.ts'
import { type Answer, discard } from './exchange.ts'
import { plainHeader } from './request-header.ts'
import { contentLengthOf, wholeObjectHeader } from './response-header.ts'
import { type Target, targetOf } from './target.ts'

// An origin is asked with HEAD first, which costs it no byte of content: a whole cluster asks for the same small file,
// and each byte should leave the origin about once. When HEAD is not served (URLs signed for GET answer 403) or says
// no length, a GET of the first byte follows, and when that does not help either, a GET that is cut off at once.

/** Statuses that may mean "not with HEAD" rather than "no". */
const headRefusals = new Set([400, 403, 405, 501])

export async function statObject(
  deps: AskDeps,
  request: SourceRequest,
  signal: AbortSignal | undefined,
): Promise<SourceStat> {
  const target = targetOf(request)
  return (
    (await statByHead(deps, target, signal)) ??
    (await statByFirstByte(deps, target, signal)) ??
    (await statByGet(deps, target, signal))
  )
}

async function statByHead(
  deps: AskDeps,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<SourceStat | undefined> {
  const accepts = (status: number): boolean => isWhole(status) || headRefusals.has(status)
  const ask = { method: 'HEAD', target, header: plainHeader } as const
  const answer = await askOrigin(deps, ask, { accepts, signal })
  await discard(deps, answer)
  // Programs that make content on request often claim 0 here, so 0 is doubted like no length at all.
  const length = contentLengthOf(answer.header)
  if (!isWhole(answer.statusCode) || length === undefined || length === 0) return undefined
  return statOf(answer, length)
}

async function statByFirstByte(
  deps: AskDeps,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<SourceStat | undefined> {
  const accepts = (status: number): boolean => isWhole(status) || status === 206 || status === 416
  const header = { ...plainHeader, range: 'bytes=0-0' }
  const answer = await askOrigin(deps, { method: 'GET', target, header }, { accepts, signal })
  await discard(deps, answer)
  switch (answer.statusCode) {
    case 206: {
      const { range, total } = contentRangeOf(answer)
      if (range?.start !== 0 || range.length !== 1) {
        throw protocolError(answer.url, 'answered the range 0-0 with another one')
      }
      return statOf(answer, total)
    }
    case 416:
      // The first byte does not exist: the object is empty, or ranges are not understood here.
      return emptyObject(answer) ? statOf(answer, 0) : undefined
    default:
      return statOf(answer, wholeLengthOf(answer))
  }
}

async function statByGet(
  deps: AskDeps,
  target: Target,
  signal: AbortSignal | undefined,
): Promise<SourceStat> {
  const ask = { method: 'GET', target, header: plainHeader } as const
  const answer = await askOrigin(deps, ask, { accepts: isWhole, signal })
  await discard(deps, answer)
  return statOf(answer, wholeLengthOf(answer))
}

const statOf = ({ header }: Answer, contentLength: number | undefined): SourceStat => ({
  contentLength,
  header: wholeObjectHeader(header, contentLength),
})

const emptyObject = ({ header }: Answer): boolean =>
  /^bytes\s+\*\/0+$/i.test(header['content-range']?.trim() ?? '')
