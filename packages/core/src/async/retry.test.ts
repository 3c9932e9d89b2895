import { describe, expect, it } from 'vitest'
import { DfError } from '../errors/df-error.ts'
import { FakeClock } from '../seams/fake-clock.ts'
import { type RetryOptions, retry } from './retry.ts'

/** No jitter: the whole doubled time. */
const random = { next: () => 0, uuid: () => '' }
const passing = new DfError('PeerUnavailable', 'hung up')
const lasting = new DfError('InvalidArgument', 'nonsense')

interface Outcome {
  calledAtMs: number[]
  result: string
}

async function run(
  errors: unknown[],
  options: Partial<RetryOptions> = {},
  clock = new FakeClock(0),
): Promise<Outcome> {
  const calledAtMs: number[] = []
  const done = retry(
    { attempts: 5, baseMs: 100, maxMs: 300, clock, random, ...options },
    (attempt) => {
      calledAtMs.push(clock.monotonic())
      return attempt > errors.length ? Promise.resolve('ok') : Promise.reject(errors[attempt - 1])
    },
  ).catch((error: unknown) => String(error))
  await clock.advance(10_000)
  expect(clock.pending).toBe(0)
  return { calledAtMs, result: await done }
}

describe('retry', () => {
  it('does not wait when the first attempt succeeds', async () => {
    expect(await run([])).toEqual({ calledAtMs: [0], result: 'ok' })
  })

  it('doubles the wait up to its maximum', async () => {
    const outcome = await run([passing, passing, passing, passing])
    expect(outcome).toEqual({ calledAtMs: [0, 100, 300, 600, 900], result: 'ok' })
  })

  it('gives up after the last attempt with its error', async () => {
    const outcome = await run([passing, passing, new DfError('Timeout', 'third')], { attempts: 3 })
    expect(outcome).toEqual({ calledAtMs: [0, 100, 300], result: 'DfError: third' })
  })

  it('does not repeat what cannot get better', async () => {
    const outcome = await run([lasting])
    expect(outcome).toEqual({ calledAtMs: [0], result: 'DfError: nonsense' })
    expect((await run([new Error('unknown')])).calledAtMs).toEqual([0])
  })

  it('asks shouldRetry instead when it is given', async () => {
    const shouldRetry = (error: unknown, attempt: number) => error === lasting && attempt < 2
    const outcome = await run([lasting, lasting], { shouldRetry })
    expect(outcome).toEqual({ calledAtMs: [0, 100], result: 'DfError: nonsense' })
  })

  it('waits as long as the error asks for, also longer than the maximum', async () => {
    const delayFor = (error: unknown) => (error === passing ? 5000 : undefined)
    const outcome = await run([passing, new DfError('Timeout', 't')], { delayFor })
    expect(outcome.calledAtMs).toEqual([0, 5000, 5200])
  })

  it('shortens waits by chance, to the half at most', async () => {
    const late = { next: () => 0.999999, uuid: () => '' }
    const outcome = await run([passing], { random: late })
    expect(outcome.calledAtMs[1]).toBeCloseTo(50, 2)
  })

  it('stops waiting when it is aborted', async () => {
    const clock = new FakeClock(0)
    const controller = new AbortController()
    clock.schedule(50, () => controller.abort(new Error('enough')))
    const outcome = await run([passing], { signal: controller.signal }, clock)
    expect(outcome).toEqual({ calledAtMs: [0], result: 'Error: enough' })
  })

  it('does not begin when it is already aborted', async () => {
    const outcome = await run([], { signal: AbortSignal.abort(new Error('before')) })
    expect(outcome).toEqual({ calledAtMs: [], result: 'Error: before' })
  })

  it('never repeats an aborted attempt', async () => {
    const outcome = await run([new DOMException('stopped', 'AbortError')], {
      shouldRetry: () => true,
    })
    expect(outcome.calledAtMs).toEqual([0])
  })
})
