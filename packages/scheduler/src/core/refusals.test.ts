import { expect, test } from 'vitest'
import { CoreFixture } from './core-fixture.ts'

const names = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`)

test.each([404, 410, 416])('three refusals with status %i end the waiting of all', (status) => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c', 'd', 'e', 'f')
  for (const p of ['a', 'b', 'c', 'd', 'e']) f.register(p)
  expect(f.sourceFails('a', status)).toEqual(['a ends ok', 'b to source'])
  expect(f.sourceFails('b', status)).toEqual(['b ends ok', 'c to source'])
  const last = f.raw({ type: 'pieceSourceFailed', peerId: 'c' as never, statusCode: status })
  expect(last).toEqual([])
  const ends = f.raw({ type: 'backToSourceFailed', peerId: 'c' as never })
  expect(ends.map((e) => ('peerId' in e ? e.peerId : ''))).toEqual(['c', 'd', 'e'])
  for (const e of ends.slice(1)) {
    expect(e).toMatchObject({ type: 'endStream', error: { code: 'NoSource' } })
    expect(e.type === 'endStream' && e.error?.message).toContain(`status ${status}`)
  }
  expect(f.register('f'), 'also those who come right after').toEqual(['f ends NoSource'])
  f.wait(60_000)
  expect(f.register('f'), 'the origin is asked again later').toEqual(['f to source'])
})

test.each([401, 403, 408, 429, 500, undefined])(
  'status %s is no refusal for everybody: each waiting peer gets its turn',
  (status) => {
    const f = new CoreFixture()
    const all = names(6)
    f.hosts(...all)
    for (const p of all) f.register(p)
    for (let i = 0; i < 5; i++) {
      expect(f.sourceFails(`p${i}`, status)).toEqual([`p${i} ends ok`, `p${i + 1} to source`])
    }
  },
)
