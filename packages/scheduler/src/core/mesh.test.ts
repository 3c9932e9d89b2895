import { expect, test } from 'vitest'
import { checkInvariants } from './check-invariants.ts'
import { CoreFixture, pieces } from './core-fixture.ts'

const names = (count: number, letter = 'p') => Array.from({ length: count }, (_, i) => letter + i)
const parentsIn = (answer = '') => answer.split(' ').slice(2)

test('daemons of ours that wait get each other as soon as the first holder appears', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c', 'd')
  f.register('a')
  for (const p of ['b', 'c', 'd']) expect(f.register(p)).toEqual([])
  expect(f.say('backToSourceStarted', 'a')).toEqual(['b <- a', 'c <- a b', 'd <- a b c'])
})

test('who starts first is widened once, without those that have it as a parent already', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c', 'd')
  f.fetcher('a')
  f.register('b')
  f.register('c')
  expect(f.say('peerStarted', 'b'), 'c opens the link, b uses it').toEqual([])
  f.apply({ type: 'hostDeleted', hostId: 'c' as never })
  f.register('d', { range: pieces(0, 10) })
  f.hosts('c')
  f.register('c')
  expect(f.say('peerStarted', 'c')).toEqual([])
})

test('a crowd of ours is served at once, each with so many parents as there can be', () => {
  const f = new CoreFixture()
  const crowd = names(100)
  f.seed('s')
  f.hosts(...crowd)
  for (const p of crowd) f.register(p)
  f.register('s/1', { needBackToSource: true })
  const said = f.say('backToSourceStarted', 's/1')
  expect(said).toHaveLength(100)
  for (const [i, answer] of said.entries()) {
    expect(parentsIn(answer), answer).toHaveLength(Math.min(i + 1, 12))
  }
  const ofSeed = said.filter((answer) => parentsIn(answer).includes('s/1'))
  expect(ofSeed.length, 'the first ones get the seed, later ones by chance').toBeLessThan(40)
})

test('with places the list is longer', () => {
  const f = new CoreFixture()
  const others = names(30)
  for (const h of others) f.host(h, { idc: 'i', location: 'r|k' })
  f.host('late', { idc: 'i', location: 'r|k' })
  f.fetcher('p0')
  for (const p of others.slice(1)) f.register(p)
  expect(parentsIn(f.register('late')[0])).toHaveLength(16)
})

test('a starved peer gets the full new list at once, with two more than it had', () => {
  const f = new CoreFixture({ meshLimit: 4 })
  const others = names(20)
  f.hosts('a', 'b', ...others)
  f.fetcher('a')
  for (const p of others) f.register(p)
  const before = parentsIn(f.register('b')[0])
  f.say('peerStarted', 'b')
  const [after = ''] = f.askParents('b', 'starved')
  expect(parentsIn(after)).toHaveLength(6)
  expect(parentsIn(after)).toEqual(expect.arrayContaining(before))
  f.askParents('b', 'starved')
  expect(parentsIn(f.askParents('b', 'starved')[0]), 'never more than twice').toHaveLength(8)
})

test('dropped neighbours are replaced; only lost ones are blamed and blocked', () => {
  const f = new CoreFixture({ meshLimit: 2 })
  f.hosts('a', 'b', 'c', 'd', 'e')
  f.holder('a')
  f.holder('b')
  f.holder('c')
  const [one = '', two = ''] = parentsIn(f.register('d')[0])
  f.say('peerStarted', 'd')
  const slow = parentsIn(f.askParents('d', 'slow', one)[0])
  expect(slow).toContain(two)
  expect(slow).not.toContain(one)
  expect(f.core.state.hosts.get(one as never)).toMatchObject({ failures: 0 })
  expect(f.core.state.hosts.get(one as never)?.slowness).toBeGreaterThan(0)
  f.askParents('d', 'lost', two)
  expect(f.core.state.hosts.get(two as never)?.failures).toBeGreaterThan(0)
  expect(parentsIn(f.askParents('d', 'starved')[0])).not.toContain(two)
})

test('when nobody has the pieces any more, who asks goes to the origin, and only one', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b', 'c')
  f.fetcher('a')
  f.register('b')
  f.register('c')
  f.say('peerStarted', 'b')
  f.say('peerStarted', 'c')
  f.say('streamClosed', 'a')
  expect(f.askParents('b', 'lost', 'a')).toEqual(['b to source'])
  expect(f.askParents('c', 'starved'), 'b has the lease').toEqual(['c <- b'])
})

test('a report counts pieces, bytes, a start at the origin and unreliable parents', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.register('a')
  f.report('a', [0, 1], { bytes: { origin: 8, seed: 0, near: 0, far: 0 } })
  expect(f.wait(20_000), 'the lease has begun').toEqual([])
  f.holder('b')
  f.hosts('c')
  f.register('c')
  f.say('peerStarted', 'c')
  f.report('c', [3, 99], { failedParents: ['b' as never], slowParents: ['a' as never] })
  expect(f.core.statPeer('c' as never)?.finishedPieces).toBe(1)
  expect(f.core.state.hosts.get('b' as never)?.failures).toBeCloseTo(0.2)
  expect(f.core.state.tasks.get('task' as never)?.bytes.origin).toBe(8)
  expect(f.core.counters.strayMessages, 'piece 99').toBe(1)
})

test('pieces in a report complete a list for one who waits for exactly them', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.host('c', { isOurs: false })
  f.fetcher('a', { range: pieces(0, 2) })
  f.register('b', { range: pieces(2, 4) })
  expect(f.register('c', { range: pieces(0, 3) })).toEqual([])
  expect(f.report('b', [2])).toEqual(['c <- a b'])
})

test('parameters for the exchange come with the parents', () => {
  const f = new CoreFixture()
  f.hosts('a', 'b')
  f.holder('a')
  f.register('b')
  const effects = f.raw({ type: 'rescheduled', peerId: 'b' as never, parentIds: [] })
  expect(effects).toMatchObject([{ client: { concurrency: 2, meanUplink: 125_000_000 } }])
})

test('a crowd larger than one event may answer is answered by the next ones', () => {
  const f = new CoreFixture({ answersPerEvent: 10 })
  const crowd = names(25)
  f.hosts('a', ...crowd)
  f.register('a')
  for (const p of crowd) f.register(p)
  expect(f.say('backToSourceStarted', 'a')).toHaveLength(10)
  expect(f.core.hasBacklog).toBe(true)
  expect(f.apply({ type: 'continued' })).toHaveLength(10)
  expect(f.apply({ type: 'continued' })).toHaveLength(5)
  expect(f.core.hasBacklog).toBe(false)
})

test('a large swarm finds who is in the same rack, also after hosts moved or left', () => {
  const f = new CoreFixture()
  const place = (i: number) => ({ idc: 'i', location: `r|k${i % 10}` })
  f.host('a', place(0))
  f.fetcher('a')
  for (let i = 0; i < 200; i++) {
    f.host(`p${i}`, place(i))
    f.register(`p${i}`)
  }
  for (let i = 0; i < 200; i += 3) f.host(`p${i}`, place(i + 1))
  for (let i = 0; i < 200; i += 5) f.apply({ type: 'hostDeleted', hostId: `p${i}` as never })
  expect(checkInvariants(f.core.state)).toEqual([])
  f.host('late', place(4))
  const near = parentsIn(f.register('late')[0]).filter((id) => {
    return f.core.state.peers.get(id as never)?.host.facts.location === 'r|k4'
  })
  expect(near.length).toBeGreaterThanOrEqual(10)
})
