import { expect, it } from 'vitest'
import { Listeners } from './listeners.ts'

function recorded() {
  const events = new Listeners<string>()
  const heard: string[] = []
  const listen = (name: string) => events.add((event) => heard.push(`${name}:${event}`))
  return { events, heard, listen }
}

it('tells all in the order they came', () => {
  const { events, heard, listen } = recorded()
  listen('a')
  listen('b')
  events.emit('x')
  expect(heard).toEqual(['a:x', 'b:x'])
})

it('tells nobody who was removed, not even during the event', () => {
  const { events, heard, listen } = recorded()
  const remove: (() => void)[] = []
  events.add(() => remove[0]?.())
  remove.push(listen('a'))
  events.emit('x')
  remove[0]?.()
  expect(heard).toEqual([])
  expect(events.size).toBe(1)
})

it('keeps two registrations of one function apart', () => {
  const events = new Listeners<number>()
  let sum = 0
  const fn = (n: number): void => {
    sum += n
  }
  const remove = events.add(fn)
  events.add(fn)
  events.emit(1)
  remove()
  remove()
  events.emit(1)
  expect(sum).toBe(3)
})

it('does not tell those who come during the event', () => {
  const { events, heard, listen } = recorded()
  events.add(() => void listen('late'))
  events.emit('x')
  expect(heard).toEqual([])
})

it('tells the others when one throws, then throws', () => {
  const { events, heard, listen } = recorded()
  events.add(() => {
    throw new Error('broken listener')
  })
  listen('b')
  expect(() => events.emit('x')).toThrow('broken listener')
  expect(heard).toEqual(['b:x'])
})
