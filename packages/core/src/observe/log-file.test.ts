import * as fs from 'node:fs'
import { expect, it, vi } from 'vitest'
import { LogFile } from './log-file.ts'

vi.mock('node:fs', { spy: true })

/** A disk that takes this many more bytes. */
function disk(roomBytes: number) {
  const state = { roomBytes, text: '', complaints: 0 }
  vi.mocked(fs.writeSync).mockImplementation((fd, bytes, offset) => {
    const from = Buffer.from(bytes as unknown as Uint8Array).subarray(offset as number)
    if (fd === 2) {
      state.complaints += 1
      return from.length
    }
    if (state.roomBytes === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    const taken = from.subarray(0, state.roomBytes)
    state.roomBytes -= taken.length
    state.text += taken.toString()
    return taken.length
  })
  return state
}

it('goes on with whole lines when there is room again, and says how many are missing', () => {
  const state = disk(9)
  const log = new LogFile(99, 'a.log')
  for (const n of [1, 2, 3]) log.write(`{"n":${n}}\n`)
  expect(state.text).toBe('{"n":1}\n{')
  expect(log.droppedLines).toBe(2)
  state.roomBytes = 1_000
  for (const n of [4, 5]) log.write(`{"n":${n}}\n`)
  const [first, torn, gap, ...rest] = state.text.split('\n')
  expect([first, torn, ...rest]).toEqual(['{"n":1}', '{', '{"n":4}', '{"n":5}', ''])
  expect(JSON.parse(gap ?? '')).toMatchObject({ level: 40, droppedLines: 2 })
  expect(log.droppedLines).toBe(0)
  expect(state.complaints, 'once').toBe(1)
})
