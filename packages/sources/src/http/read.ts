import { type ByteRange, type DfError, parseContentRange } from '@damselfly/core'
import type { SourceBody, SourceReadOptions, SourceRequest, SourceStat } from '../source.ts'
import { type AskDeps, askOrigin, isWhole } from './ask.ts'
import { bodyBytes } from './body.ts'
import { contentOf, rejectChanged } from './content.ts'
import { refused } from './errors.ts'
import { type Answer, discard } from './exchange.ts'
import { readHeader } from './request-header.ts'
import { targetOf } from './target.ts'

export interface ReadDeps extends AskDeps {
  readonly idleMs: number
}

export async function readObject(
  deps: ReadDeps,
  request: SourceRequest,
  options: SourceReadOptions,
): Promise<SourceBody> {
  const { expect, signal } = options
  const range = partOf(options.range, expect)
  const ask = {
    method: 'GET',
    target: targetOf(request),
    header: readHeader(range, expect),
  } as const
  const accepts = (status: number): boolean => isWhole(status) || status === 206 || status === 416
  const answer = await askOrigin(deps, ask, { accepts, signal })
  try {
    if (answer.statusCode === 416) throw unsatisfiable(answer, expect)
    const { start, length } = contentOf(answer, range, expect)
    const terms = { length, idleMs: deps.idleMs, clock: deps.clock, signal }
    return { start, contentLength: length, header: answer.header, bytes: bodyBytes(answer, terms) }
  } catch (thrown) {
    await discard(deps, answer)
    throw thrown
  }
}

/** The range to ask for; none when it is the whole object, which every origin can serve, the empty one included. */
function partOf(
  range: ByteRange | undefined,
  expect: SourceStat | undefined,
): ByteRange | undefined {
  const isAll = range?.start === 0 && range.length === expect?.contentLength
  return isAll ? undefined : range
}

/** 416 tells the length of the object (RFC 9110 §15.5.17): another one than expected means that it changed. */
function unsatisfiable(answer: Answer, expect: SourceStat | undefined): DfError {
  const { url, statusCode, header } = answer
  rejectChanged(answer, totalOf(header['content-range']), expect)
  return refused(url, { statusCode, header })
}

function totalOf(contentRange: string | undefined): number | undefined {
  try {
    return contentRange === undefined ? undefined : parseContentRange(contentRange).total
  } catch {
    return undefined
  }
}
