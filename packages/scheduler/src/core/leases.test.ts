import { expect, test } from 'vitest'
import { CoreFixture, PIECE_LENGTH, pieces } from './core-fixture.ts'

const names = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`)

test('twenty peers at once send exactly one to the origin, and again one whenever it dies', () => {
  const f = new CoreFixture()
  const all = names(20)
  f.hosts(...all)
  const said = all.flatMap((p) => f.register(p))
  expect(said).toEqual(['p0 to source'])
  for (let i = 0; i < 19; i++) {
    const way = (['streamClosed', 'peerFailed', 'backToSourceFailed', 'hostDeleted'] as const)[
      i % 4
    ]!
    const next =
      way === 'hostDeleted'
        ? f.apply({ type: 'hostDeleted', hostId: `p${i}` as never })
        : f.say(way, `p${i}`)
    expect(
      next.filter((s) => !s.includes('ends')),
      `after ${way}`,
    ).toEqual([`p${i + 1} to source`])
  }
})

test('a lease whose holder does not begin within ten seconds moves on', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.register('a')
  f.register('b')
  f.register('c')
  expect(f.wait(9_000)).toEqual([])
  expect(f.wait(1_000)).toEqual(['b to source'])
  // The late one goes after all: it is a parent like any other.
  expect(f.say('backToSourceStarted', 'a')).toEqual(['c <- a'])
})

test('a first piece from the origin keeps a lease like the message that it began', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.register('a')
  f.piece('a', 0)
  f.register('b')
  expect(f.wait(20_000)).toEqual([])
})

test('a finished holder ends the lease and serves everybody', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a')
  expect(f.say('backToSourceFinished', 'a')).toEqual(['a ends ok'])
  expect(f.register('b')).toEqual(['b <- a'])
})

test('one peer at a time is at the origin without seeds, also for ranges that do not overlap', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  expect(f.fetcher('a', { range: pieces(0, 2) })).toEqual(['a to source'])
  expect(f.register('b', { range: pieces(5, 7) })).toEqual([])
  expect(f.register('c', { range: pieces(1, 2) })).toEqual(['c <- a'])
  expect(f.say('backToSourceFinished', 'a')).toEqual(['a ends ok', 'b to source'])
})

test('a range that holders cover does not touch the origin, one that they cover in part does', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c', 'd')
  f.fetcher('a', { range: pieces(0, 3) })
  f.say('backToSourceFinished', 'a')
  f.fetcher('b', { range: pieces(3, 6) })
  f.say('backToSourceFinished', 'b')
  expect(f.register('c', { range: pieces(2, 5) })).toEqual(['c <- a b'])
  f.host('e', { isOurs: false })
  expect(f.register('e', { range: pieces(2, 8) }), 'a foreign peer takes one order').toEqual([
    'e to source',
  ])
})

test('a daemon of ours first takes what others hold, then the origin gives what is left', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.fetcher('a', { range: pieces(0, 3) })
  expect(f.register('b', { range: pieces(1, 5) })).toEqual(['b <- a'])
  expect(f.register('c', { range: pieces(4, 6) })).toEqual([])
  f.say('peerStarted', 'b')
  expect(f.say('backToSourceFinished', 'a'), 'c goes for its own, b is busy').toEqual([
    'a ends ok',
    'c to source',
  ])
  f.piece('b', 1, 'a')
  expect(f.piece('b', 2, 'a'), 'c is at the origin').toEqual([])
  expect(f.say('backToSourceStarted', 'c')).toEqual(['b <- a c'])
  f.say('backToSourceFinished', 'c')
  expect(f.piece('b', 4, 'c')).toEqual(['b to source'])
  f.say('backToSourceStarted', 'b')
  expect([...(f.core.state.tasks.get('task' as never)?.leases ?? [])][0]?.interval).toEqual({
    first: 3,
    end: 4,
  })
})

test('a part that breaks off is looked for elsewhere at once', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.fetcher('a', { range: pieces(0, 3) })
  f.register('b', { range: pieces(1, 5) })
  f.say('peerStarted', 'b')
  expect(f.say('streamClosed', 'a')).toEqual(['b to source'])
})

test('a seed is asked first and gets exactly what nobody has', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.seed('s')
  expect(f.register('a', { range: pieces(0, 2) })).toEqual([
    expect.stringMatching(/^trigger \d+ s 0\+/),
  ])
  expect(f.register('s/1', { range: pieces(0, 2), needBackToSource: true })).toEqual([
    's/1 to source',
  ])
  expect(f.say('backToSourceStarted', 's/1')).toEqual(['a <- s/1'])
  const [part, trigger] = f.register('b', { range: pieces(1, 4) })
  expect(part).toBe('b <- a s/1')
  expect(trigger).toMatch(new RegExp(` s ${2 * PIECE_LENGTH}\\+${2 * PIECE_LENGTH}$`))
  expect(f.register('c', { range: pieces(3, 4) }), 'the second trigger covers it').toEqual([
    'c <- b',
  ])
  expect(f.register('s/2', { range: pieces(2, 4), needBackToSource: true })).toEqual([
    's/2 to source',
  ])
  expect(f.say('backToSourceStarted', 's/2'), 'both have neighbours').toEqual([])
  expect(f.askParents('c', 'starved')).toEqual(['c <- b s/2'])
})

test('a seed that does not begin in time is passed over, then a peer goes', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s1')
  f.seed('s2')
  const [first = ''] = f.register('a')
  const [, , firstSeed = ''] = first.split(' ')
  const otherSeed = firstSeed === 's1' ? 's2' : 's1'
  f.register('b')
  const moved = f.wait(10_000)
  expect(moved).toEqual([
    expect.stringMatching(/^cancel/),
    expect.stringContaining(` ${otherSeed} all`),
  ])
  expect(f.wait(10_000)).toEqual([expect.stringMatching(/^cancel/), 'a to source'])
  expect(f.say('backToSourceStarted', 'a')).toEqual(['b <- a'])
})

test('a seed that cannot be reached is passed over at once, for thirty seconds', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s')
  expect(f.register('a')).toEqual(['trigger 1 s all'])
  expect(f.triggerEnded(1, { isUnreachable: true })).toEqual(['a to source'])
  expect(f.register('b', {}, 'other')).toEqual(['b to source'])
  f.hosts('c', 'd')
  f.wait(30_000)
  expect(f.register('c', {}, 'third')).toEqual([expect.stringMatching(/^trigger \d+ s all$/)])
})

test('a seed that announces itself again is alive again', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s')
  f.register('a')
  f.triggerEnded(1, { isUnreachable: true })
  f.seed('s')
  expect(f.register('b', {}, 'other')).toEqual([expect.stringMatching(/^trigger \d+ s all$/)])
})

test('a trigger that ends well without any peer counts as a failure of that seed for the task', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.seed('s')
  f.register('a')
  expect(f.triggerEnded(1)).toEqual(['a to source'])
})

test('the end of a trigger changes nothing while the seed’s own peer holds the lease', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.seed('s')
  f.register('a')
  f.fetcher('s/1', { needBackToSource: true })
  expect(f.triggerEnded(1)).toEqual([])
  expect(f.say('streamClosed', 's/1')).toEqual([])
  f.say('peerStarted', 'a')
  expect(f.reschedule('a', 's/1')).toEqual(['a to source'])
})

test('a seed that dies is followed by the next seed for those who wait', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s1')
  f.seed('s2')
  const [, , seed = ''] = (f.register('a')[0] ?? '').split(' ')
  const other = seed === 's1' ? 's2' : 's1'
  f.register(`${seed}/1`, { needBackToSource: true })
  f.register('b')
  const said = f.apply({ type: 'hostDeleted', hostId: seed as never })
  expect(said).toEqual([`${seed}/1 ends HostNotFound`, expect.stringContaining(` ${other} all`)])
})

test('a seed that has the content already is a holder without going to the origin', () => {
  const f = new CoreFixture()
  f.hosts('a')
  f.seed('s')
  f.register('a')
  expect(f.register('s/1', { metadataOnly: true })).toEqual(['s/1 metadata'])
  expect(f.say('peerStarted', 's/1')).toEqual(['a <- s/1'])
  expect(f.say('peerFinished', 's/1')).toEqual(['s/1 ends ok'])
})

test('a seed that fetches more than asked answers several calls at once', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s')
  f.register('a', { range: pieces(0, 1) })
  f.register('b', { range: pieces(5, 6) })
  f.register('s/1', { needBackToSource: true })
  expect(f.say('backToSourceStarted', 's/1')).toEqual(['a <- s/1', 'b <- s/1'])
  expect(f.wait(15_000)).toEqual([])
})

test('a download on the seed itself does not call the seed', () => {
  const f = new CoreFixture()
  f.seed('s')
  expect(f.register('s/1')).toEqual(['s/1 to source'])
})

test('a normal peer flagged for the origin waits when somebody is there already', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.seed('s')
  expect(f.register('a', { needBackToSource: true })).toEqual(['a to source'])
  expect(f.register('b', { needBackToSource: true })).toEqual([])
})

test('a peer that may not go to the origin waits for others and gives up when there are none', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  expect(f.register('a', { disableBackToSource: true })).toEqual(['a ends NoSource'])
  f.register('b')
  expect(f.register('c', { disableBackToSource: true })).toEqual([])
  expect(f.say('streamClosed', 'b')).toEqual(['c ends NoSource'])
})

test('a peer that may go is elected before one that may not is given up', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.register('a')
  f.register('b', { disableBackToSource: true })
  f.register('c')
  expect(f.say('streamClosed', 'a')).toEqual(['c to source'])
})

test('a host that does not share fetches for itself and nobody waits for it', () => {
  const f = new CoreFixture()
  f.hosts('b')
  f.host('a', { disableShared: true })
  expect(f.fetcher('a')).toEqual(['a to source'])
  expect(f.register('b')).toEqual(['b to source'])
})

test('a holder that comes back for parents gives its lease to one who waits', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.register('a')
  f.register('b')
  expect(f.reschedule('a')).toEqual(['a to source'])
  f.say('backToSourceStarted', 'a')
  f.say('peerStarted', 'b')
  expect(f.reschedule('a')).toEqual(['a to source'])
})
