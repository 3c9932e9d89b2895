import { FakeClock } from '@damselfly/core/testing'
import { describe, expect, test } from 'vitest'
import { RateLimit } from './rate-limit.ts'
import { type Upload, UploadGovernor, type UploadTurn } from './upload-governor.ts'

const { signal } = new AbortController()
const upload = (child: string, taskId = 't', isBackground = false): Upload => ({
  child,
  family: 'standard',
  taskId,
  number: 0,
  isBackground,
})

interface Setup {
  readonly slots?: number
  readonly maxWaiting?: number
  readonly limits?: (clock: FakeClock, upload: Upload) => RateLimit[]
}

function setUp({ slots = 100, maxWaiting = 100, limits }: Setup = {}) {
  const clock = new FakeClock()
  const governor = new UploadGovernor(
    { slots, maxWaiting },
    { clock, limits: limits && ((asked) => limits(clock, asked)) },
  )
  return { clock, governor }
}

/** Sends without end, as fast as it may. */
function sender(turn: UploadTurn, stop = signal) {
  const state = { sent: 0, largest: 0 }
  const run = async (): Promise<void> => {
    for (;;) {
      const bytes = Math.min(turn.chunkBytes, 1 << 20)
      const waiting = turn.take(bytes, stop)
      if (waiting !== undefined) await waiting
      state.sent += bytes
      state.largest = Math.max(state.largest, bytes)
    }
  }
  run().catch(() => {})
  return state
}

describe('rates', () => {
  test.each([
    ['1 KB/s', 1e3],
    ['64 KB/s', 64e3],
    ['1 MB/s', 1e6],
    ['10 GB/s', 1e10],
  ])('%s is exact over ten seconds', async (_name, rate) => {
    let limit: RateLimit | undefined
    const { clock, governor } = setUp({
      limits: (c) => {
        limit ??= new RateLimit(rate, { clock: c })
        return [limit]
      },
    })
    const states = [
      sender(await governor.enter(upload('a'), signal)),
      sender(await governor.enter(upload('b'), signal)),
    ]
    await clock.advance(10_000)
    const sent = states.reduce((sum, state) => sum + state.sent, 0)
    expect(Math.abs(sent - rate * 10) / (rate * 10)).toBeLessThanOrEqual(0.01)
    // The first one alone has what passes before anybody has to wait.
    const isFair = Math.abs(states[0]!.sent - states[1]!.sent) <= rate * 0.06 + states[0]!.largest
    expect(isFair).toBe(true)
    expect(states[0]!.largest).toBeLessThanOrEqual(Math.max(1, rate / 50))
  })

  test('the tightest of several limits decides, and the others are used up by no more', async () => {
    const { clock, governor } = setUp({
      limits: memo((c, { taskId }) =>
        taskId === 'slow'
          ? [
              ['slow', 1e5, c],
              ['all', 1e6, c],
            ]
          : [['all', 1e6, c]],
      ),
    })
    const slow = sender(await governor.enter(upload('a', 'slow'), signal))
    const fast = sender(await governor.enter(upload('b', 'fast'), signal))
    await clock.advance(10_000)
    expect(slow.sent / 1e6).toBeCloseTo(1, 1)
    expect((slow.sent + fast.sent) / 1e7).toBeCloseTo(1, 1)
  })

  test('a rate that changes holds for those who wait', async () => {
    let limit: RateLimit | undefined
    const { clock, governor } = setUp({
      limits: (c) => {
        limit ??= new RateLimit(1000, { clock: c })
        return [limit]
      },
    })
    const turn = await governor.enter(upload('a'), signal)
    void turn.take(60, signal)
    let isPassed = false
    void turn.take(1_000_000, signal)?.then(() => {
      isPassed = true
    })
    await clock.advance(10)
    expect(isPassed).toBe(false)
    limit?.setRate(Number.POSITIVE_INFINITY)
    await clock.advance(0)
    expect(isPassed).toBe(true)
    expect(clock.pending).toBe(0)
  })

  test('without limits nothing waits', async () => {
    const { governor } = setUp()
    const turn = await governor.enter(upload('a'), signal)
    expect([turn.chunkBytes, turn.take(1e12, signal)]).toEqual([1 << 20, undefined])
  })

  test('who aborts while it waits has taken nothing and lets the next one go on', async () => {
    let limit: RateLimit | undefined
    const { clock, governor } = setUp({
      limits: (c) => {
        limit ??= new RateLimit(1000, { clock: c })
        return [limit]
      },
    })
    const turn = await governor.enter(upload('a'), signal)
    void turn.take(60, signal)
    const controller = new AbortController()
    const leaving = turn.take(60, controller.signal)
    const staying = (await governor.enter(upload('b'), signal)).take(10, signal)
    controller.abort(new Error('left'))
    await expect(leaving).rejects.toThrow('left')
    await clock.advance(10)
    await staying
    expect(clock.pending).toBe(0)
    await expect(turn.take(60, controller.signal)).rejects.toThrow('left')
  })
})

describe('fairness when bandwidth is short', () => {
  const total = () => memo((c) => [['all', 1e6, c]])

  test('children get the same, however many pieces they ask for; then their tasks do', async () => {
    const { clock, governor } = setUp({ limits: total() })
    const enter = async (child: string, taskId: string) =>
      sender(await governor.enter(upload(child, taskId), signal))
    const lone = await enter('lone', 't')
    const many = await Promise.all([1, 2, 3].map(() => enter('greedy', 'x')))
    const other = await enter('greedy', 'y')
    await clock.advance(10_000)
    const x = many.reduce((sum, state) => sum + state.sent, 0)
    expect(lone.sent / 5e6).toBeCloseTo(1, 1)
    expect(x / 2.5e6).toBeCloseTo(1, 1)
    expect(other.sent / 2.5e6).toBeCloseTo(1, 1)
  })

  test('who was quiet has saved nothing up', async () => {
    const { clock, governor } = setUp({ limits: total() })
    const quiet = await governor.enter(upload('quiet'), signal)
    const busy = sender(await governor.enter(upload('busy'), signal))
    await clock.advance(10_000)
    const before = busy.sent
    const late = sender(quiet)
    await clock.advance(10_000)
    expect((busy.sent - before) / 5e6).toBeCloseTo(1, 1)
    expect(late.sent / 5e6).toBeCloseTo(1, 1)
  })

  test('the background gets what the foreground leaves', async () => {
    const { clock, governor } = setUp({ limits: total() })
    const back = sender(await governor.enter(upload('a', 't', true), signal))
    const stop = new AbortController()
    const front = sender(await governor.enter(upload('b'), signal), stop.signal)
    await clock.advance(5_000)
    expect(back.sent).toBeLessThan(1e5)
    expect(front.sent / 5e6).toBeCloseTo(1, 1)
    stop.abort()
    await clock.advance(5_000)
    expect(back.sent / 5e6).toBeCloseTo(1, 1)
  })
})

describe('slots', () => {
  test('are given to the child, then the task, that has the fewest', async () => {
    const { governor } = setUp({ slots: 3 })
    const turns = new Map<string, UploadTurn>()
    const order: string[] = []
    const enter = (name: string, asked: Upload): void => {
      governor.enter(asked, signal).then(
        (turn) => {
          order.push(name)
          turns.set(name, turn)
        },
        () => {},
      )
    }
    enter('a1', upload('a', 'x'))
    enter('a2', upload('a', 'x'))
    enter('b1', upload('b', 'x'))
    enter('a3', upload('a', 'x'))
    enter('a4', upload('a', 'y'))
    enter('c1', upload('c', 'x'))
    enter('d-background', upload('d', 'x', true))
    await settled()
    expect(order).toEqual(['a1', 'a2', 'b1'])
    expect(governor.stats).toEqual({ sending: 3, waiting: 4, refused: 0 })
    for (const name of ['a1', 'b1', 'c1', 'a4', 'a2']) {
      turns.get(name)?.leave()
      await settled()
    }
    expect(order.slice(3)).toEqual(['c1', 'a4', 'd-background', 'a3'])
    expect(governor.stats).toEqual({ sending: 2, waiting: 0, refused: 0 })
  })

  test('are never given to one child alone, whoever waits', async () => {
    const { governor } = setUp({ slots: 4 })
    const turns = await Promise.all([1, 2].map(() => governor.enter(upload('slow'), signal)))
    let third = 0
    const waiting = governor.enter(upload('slow'), signal).then((turn) => {
      third += 1
      return turn
    })
    await settled()
    expect([third, governor.stats.sending, governor.stats.waiting]).toEqual([0, 2, 1])
    const other = await governor.enter(upload('other'), signal)
    other.leave()
    await settled()
    expect(third).toBe(0)
    turns[0]?.leave()
    ;(await waiting).leave()
    turns[1]?.leave()
    expect(governor.stats).toEqual({ sending: 0, waiting: 0, refused: 0 })
  })

  test('a single one goes to whoever comes', async () => {
    const { governor } = setUp({ slots: 1 })
    const turn = await governor.enter(upload('a'), signal)
    turn.leave()
    expect(governor.stats.sending).toBe(0)
  })

  test('when too many wait the next one is refused at once; the background gives way', async () => {
    const { governor } = setUp({ slots: 1, maxWaiting: 2 })
    const first = await governor.enter(upload('a'), signal)
    const waiting = governor.enter(upload('b'), signal)
    const background = governor.enter(upload('c', 't', true), signal)
    const overloaded = { code: 'Overloaded' }
    await expect(governor.enter(upload('d', 't', true), signal)).rejects.toMatchObject(overloaded)
    const newcomer = governor.enter(upload('e'), signal)
    await expect(background).rejects.toMatchObject(overloaded)
    await expect(governor.enter(upload('f'), signal)).rejects.toMatchObject(overloaded)
    expect(governor.stats).toEqual({ sending: 1, waiting: 2, refused: 3 })
    first.leave()
    ;(await waiting).leave()
    ;(await newcomer).leave()
    expect(governor.stats).toMatchObject({ sending: 0, waiting: 0 })
  })

  test('who aborts leaves the line', async () => {
    const { governor } = setUp({ slots: 1 })
    const first = await governor.enter(upload('a'), signal)
    const controller = new AbortController()
    const leaving = governor.enter(upload('b'), controller.signal)
    const staying = governor.enter(upload('b'), signal)
    controller.abort(new Error('left'))
    await expect(leaving).rejects.toThrow('left')
    first.leave()
    ;(await staying).leave()
    await expect(governor.enter(upload('b'), controller.signal)).rejects.toThrow('left')
    expect(governor.stats).toMatchObject({ sending: 0, waiting: 0 })
  })
})

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

type Wanted = (clock: FakeClock, asked: Upload) => [name: string, rate: number, clock: FakeClock][]

/** Limits by name, each made once. */
function memo(wanted: Wanted): NonNullable<Setup['limits']> {
  const limits = new Map<string, RateLimit>()
  return (clock, asked) =>
    wanted(clock, asked).map(([name, rate]) => {
      const limit = limits.get(name) ?? new RateLimit(rate, { clock })
      limits.set(name, limit)
      return limit
    })
}
