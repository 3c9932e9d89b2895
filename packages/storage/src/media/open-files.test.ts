import { type DiskFile, silentLog, systemDisk } from '@damselfly/core'
import { describe, expect, test } from 'vitest'
import { type FileOwner, OpenFiles, type PinnedFile } from './open-files.ts'

/** Counts instead of opening. */
function makeFiles(max: number) {
  const events: string[] = []
  const failing = new Set<string>()
  const open = async (path: string): Promise<DiskFile> => {
    if (failing.has(path)) throw new Error(`cannot open ${path}`)
    events.push(`open ${path}`)
    const close = async (): Promise<void> => {
      events.push(`close ${path}`)
    }
    return { close } as unknown as DiskFile
  }
  const files = new OpenFiles({ max }, { disk: { ...systemDisk, open }, log: silentLog })
  return { files, events, failing }
}

const owner = (path: string): FileOwner => ({ path, openMode: 'r' })
const use = async (files: OpenFiles, ...owners: FileOwner[]): Promise<void> => {
  for (const each of owners) (await files.pin(each))[Symbol.dispose]()
}

describe('OpenFiles', () => {
  const [a, b, c] = [owner('a'), owner('b'), owner('c')]

  test('a file stays open for the next use', async () => {
    const { files, events } = makeFiles(2)
    await use(files, a, a, b, a)
    expect(events).toEqual(['open a', 'open b'])
  })

  test('the least recently used idle file is closed for a new one', async () => {
    const { files, events } = makeFiles(2)
    await use(files, a, b, a, c)
    expect(events).toEqual(['open a', 'open b', 'open c', 'close b'])
    await use(files, a)
    expect(events).toHaveLength(4)
  })

  test('a file in use is not closed, however many others are opened', async () => {
    const { files, events } = makeFiles(1)
    const pinned = await files.pin(a)
    await use(files, b, c)
    expect(events.filter((event) => event === 'close a')).toEqual([])
    expect(files.size).toBe(1)
    pinned[Symbol.dispose]()
  })

  test('users that come together share one opening', async () => {
    const { files, events } = makeFiles(1)
    const pins: PinnedFile[] = await Promise.all([files.pin(a), files.pin(a)])
    expect(events).toEqual(['open a'])
    expect(pins[0]?.file).toBe(pins[1]?.file)
    files.forget(a)
    pins[0]?.[Symbol.dispose]()
    pins[0]?.[Symbol.dispose]()
    expect(events).toEqual(['open a'])
    pins[1]?.[Symbol.dispose]()
    expect(events).toEqual(['open a', 'close a'])
  })

  test('a failed opening is tried again by the next user', async () => {
    const { files, events, failing } = makeFiles(1)
    failing.add('a')
    const outcomes = await Promise.allSettled([files.pin(a), files.pin(a)])
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected'])
    expect(files.size).toBe(0)
    failing.clear()
    await use(files, a)
    expect(events).toEqual(['open a'])
  })

  test('closing waits for files in use and refuses new users', async () => {
    const { files, events } = makeFiles(2)
    await use(files, a)
    const pinned = await files.pin(b)
    const closing = files.close()
    await expect(files.pin(c)).rejects.toThrow('closed')
    expect(events).toEqual(['open a', 'open b', 'close a'])
    pinned[Symbol.dispose]()
    await closing
    expect(events.at(-1)).toBe('close b')
    expect(files.size).toBe(0)
  })
})
