import { expect, it } from 'vitest'
import { aborted } from '../errors/aborted.ts'
import { isAbort } from '../errors/df-error.ts'
import { linkSignals } from './link-signals.ts'

it('links signals: the first reason counts, and disposing lets go', () => {
  const [a, b] = [new AbortController(), new AbortController()]
  const linked = linkSignals(a.signal, undefined, b.signal)
  b.abort(new Error('b'))
  a.abort(new Error('a'))
  expect(linked.signal.reason).toEqual(new Error('b'))

  const c = new AbortController()
  const released = linkSignals(c.signal)
  released[Symbol.dispose]()
  c.abort()
  expect(released.signal.aborted).toBe(false)
  expect(linkSignals(c.signal).signal.aborted).toBe(true)
})

it('aborts a linked signal without its sources', () => {
  const source = new AbortController()
  const linked = linkSignals(source.signal)
  linked.abort(new Error('only here'))
  expect(linked.signal.reason).toEqual(new Error('only here'))
  expect(source.signal.aborted).toBe(false)
})

it('has one reason for all aborts without one', () => {
  const [a, b] = [linkSignals(), linkSignals()]
  a.abort()
  b.abort()
  expect(a.signal.reason).toBe(aborted)
  expect(b.signal.reason).toBe(aborted)
  expect(isAbort(aborted)).toBe(true)
})
