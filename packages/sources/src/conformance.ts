import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Source, SourceBody, SourceReadOptions, SourceRequest } from './source.ts'

/** A source together with an origin that it can ask. */
export interface SourceHarness extends AsyncDisposable {
  readonly source: Source
  /** Puts an object to the origin, replacing what was there. */
  put(name: string, bytes: Uint8Array): Promise<SourceRequest>
  /** A request for something that is not at the origin. */
  missing(): SourceRequest
  /** Resolves once the origin is answering nobody. */
  idle(): Promise<void>
}

/** What every kind of origin has to do. Call it in a test file of the source. */
export function sourceConformance(name: string, makeHarness: () => Promise<SourceHarness>): void {
  describe(`${name} as a source`, () => {
    let harness: SourceHarness
    beforeAll(async () => {
      harness = await makeHarness()
    })
    afterAll(() => harness[Symbol.asyncDispose]())
    const subject = (): SourceHarness => harness
    describeStat(subject)
    describeRead(subject)
    describeRanges(subject)
    describeLeaving(subject)
  })
}

/** Bytes of which no two neighbourhoods look alike. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i ^ (i >> 8) ^ (i >> 16)) & 0xff)
}

const large = pattern(8 * 1024 * 1024)

async function bytesOf(body: SourceBody): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body.bytes) chunks.push(Uint8Array.from(chunk))
  return Buffer.concat(chunks)
}

async function slurp(
  { source }: SourceHarness,
  request: SourceRequest,
  options: SourceReadOptions = {},
): Promise<Uint8Array> {
  return bytesOf(await source.read(request, options))
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

function describeStat(harness: () => SourceHarness): void {
  it('serves the scheme of its own URLs', async () => {
    const request = await harness().put('scheme', pattern(1))
    expect(harness().source.schemes).toContain(request.url.protocol.slice(0, -1))
  })

  it('tells the length of an object', async () => {
    const request = await harness().put('length', pattern(12_345))
    const stat = await harness().source.stat(request, {})
    expect(stat.contentLength).toBe(12_345)
  })

  it('tells that an empty object has no bytes', async () => {
    const request = await harness().put('empty-stat', pattern(0))
    const stat = await harness().source.stat(request, {})
    expect(stat.contentLength).toBe(0)
  })

  it('names header fields in lower case', async () => {
    const request = await harness().put('header', pattern(10))
    const { header } = await harness().source.stat(request, {})
    const names = Object.keys(header)
    expect(names).toEqual(names.map((name) => name.toLowerCase()))
  })

  it('says that an object is missing with the status that the origin gave', async () => {
    const refusal = { code: 'SourceRefused', details: { statusCode: expect.any(Number) } }
    const { source, missing } = harness()
    await expect(source.stat(missing(), {})).rejects.toMatchObject(refusal)
    await expect(source.read(missing(), {})).rejects.toMatchObject(refusal)
  })
}

function describeRead(harness: () => SourceHarness): void {
  it('reads an object of one byte', async () => {
    const request = await harness().put('one', pattern(1))
    expect(await slurp(harness(), request)).toHaveLength(1)
  })

  it('reads a large object byte for byte', async () => {
    const request = await harness().put('large', large)
    expect(equal(await slurp(harness(), request), large)).toBe(true)
  })

  it('reads an empty object, also by its whole range', async () => {
    const request = await harness().put('empty', pattern(0))
    const expected = await harness().source.stat(request, {})
    expect(await slurp(harness(), request)).toHaveLength(0)
    const options = { expect: expected, range: { start: 0, length: 0 } }
    expect(await slurp(harness(), request, options)).toHaveLength(0)
  })

  it('starts at 0 and promises the whole length when everything is read', async () => {
    const request = await harness().put('promise', pattern(1000))
    const body = await harness().source.read(request, {})
    expect(body).toMatchObject({ start: 0, contentLength: 1000 })
    expect(await bytesOf(body)).toHaveLength(1000)
  })

  it('accepts content that is still what stat said', async () => {
    const bytes = pattern(5000)
    const request = await harness().put('same', bytes)
    const options = { expect: await harness().source.stat(request, {}) }
    expect(equal(await slurp(harness(), request, options), bytes)).toBe(true)
  })

  it('says that content changed when its length is another one', async () => {
    const request = await harness().put('changing', pattern(5000))
    const options = { expect: await harness().source.stat(request, {}) }
    await harness().put('changing', pattern(4000))
    await expect(slurp(harness(), request, options)).rejects.toMatchObject({
      code: 'SourceChanged',
    })
  })
}

function describeRanges(harness: () => SourceHarness): void {
  const size = 100_000
  const bytes = pattern(size)
  const cases = [
    { title: 'the first byte', start: 0, length: 1 },
    { title: 'the last byte', start: size - 1, length: 1 },
    { title: 'the first half', start: 0, length: size / 2 },
    { title: 'a part in the middle', start: 33_333, length: 44_444 },
    { title: 'everything', start: 0, length: size },
  ]
  it.each(cases)('reads $title when asked for it as a range', async ({ start, length }) => {
    const request = await harness().put('ranged', bytes)
    const expected = await harness().source.stat(request, {})
    const body = await harness().source.read(request, {
      range: { start, length },
      expect: expected,
    })
    expect(body).toMatchObject({ start, contentLength: length })
    expect(equal(await bytesOf(body), bytes.subarray(start, start + length))).toBe(true)
  })

  it('reads many ranges at the same time', async () => {
    const request = await harness().put('parallel', bytes)
    const starts = Array.from({ length: 20 }, (_, i) => i * 5000)
    const parts = await Promise.all(
      starts.map((start) => slurp(harness(), request, { range: { start, length: 5000 } })),
    )
    expect(equal(Buffer.concat(parts), bytes)).toBe(true)
  })

  it('refuses a range behind the end', async () => {
    const request = await harness().put('behind', pattern(10))
    const range = { start: 10, length: 5 }
    const refusal = { code: 'SourceRefused' }
    await expect(harness().source.read(request, { range })).rejects.toMatchObject(refusal)
  })
}

function describeLeaving(harness: () => SourceHarness): void {
  const reason = new Error('the caller changed its mind')

  it('does nothing for a signal that is aborted already', async () => {
    const request = await harness().put('aborted', pattern(10))
    const signal = AbortSignal.abort(reason)
    await expect(harness().source.stat(request, { signal })).rejects.toBe(reason)
    await expect(harness().source.read(request, { signal })).rejects.toBe(reason)
  })

  it("ends with the signal's reason when aborted among the bytes, and leaves the origin", async () => {
    const request = await harness().put('abort', large)
    const controller = new AbortController()
    const { bytes } = await harness().source.read(request, { signal: controller.signal })
    const reading = async (): Promise<void> => {
      for await (const _ of bytes) controller.abort(reason)
    }
    await expect(reading()).rejects.toBe(reason)
    await harness().idle()
  })

  it('leaves the origin when aborted before the first byte is taken', async () => {
    const request = await harness().put('abort-unread', large)
    const controller = new AbortController()
    await harness().source.read(request, { signal: controller.signal })
    controller.abort(reason)
    await harness().idle()
  })

  it('leaves the origin when the caller leaves the loop, and goes on serving', async () => {
    const request = await harness().put('leave', large)
    const { bytes } = await harness().source.read(request, {})
    for await (const _ of bytes) break
    await harness().idle()
    expect(equal(await slurp(harness(), request), large)).toBe(true)
  })
}
