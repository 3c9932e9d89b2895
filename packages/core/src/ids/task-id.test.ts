import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDfError } from '../errors/df-error.ts'
import { defaultFilteredQueryParams } from '../url/filter-url.ts'
import {
  persistentCacheTaskId,
  persistentTaskId,
  type TaskIdInput,
  taskId,
  taskRevision,
} from './task-id.ts'

const url = 'https://example.com'
const content = 'This is a test file'
const contentId = 'e2d0fe1585a63ec6009c8016ff8dda8b17719a637405a4e23c0ff81339148249'

describe('taskId', () => {
  // interop.md 5.4
  it.each<[TaskIdInput, string]>([
    [
      { url, tag: 'foo', application: 'bar', revision: 'v1.0', pieceLength: 1024 },
      '5844f27a257287e9b734256bb25603d8005422ced8c0377f15063ec11963b25f',
    ],
    [
      { url, tag: 'foo', application: 'bar' },
      '06408fbf247ddaca478f8cb9565fe5591c28efd0994b8fea80a6a87d3203c5ca',
    ],
    [{ url, tag: 'foo' }, '3c3f230ef9f191dd2821510346a7bc138e4894bee9aee184ba250a3040701d2a'],
    [
      { url, application: 'bar' },
      'c9f9261b7305c24371244f9f149f5d4589ed601348fdf22d7f6f4b10658fdba2',
    ],
    [
      { url, pieceLength: 1024 },
      '9f7c9aafbc6f30f8f41a96ca77eeae80c5b60964b3034b0ee43ccf7b2f9e52b8',
    ],
    [
      { url: `${url}?foo=foo&bar=bar`, filteredQueryParams: ['foo', 'bar'] },
      '457b4328cde278e422c9e243f7bfd1e97f511fec43a80f535cf6b0ef6b086776',
    ],
    [{ url, revision: 'v1.0' }, 'b171331534b80e0bf91da38ebbfcdbf4d177898f4b9beac44f14733e3f004d4e'],
    [{ url, contentForCalculatingTaskId: content }, contentId],
  ])('agrees with Dragonfly for %o', (input, expected) => {
    expect(taskId(input)).toBe(expected)
  })

  it('treats an empty tag and application as unset', () => {
    expect(taskId({ url, tag: '', application: '' })).toBe(taskId({ url }))
  })

  it('does not change with the signature of a presigned URL', () => {
    const filteredQueryParams = defaultFilteredQueryParams
    const signed = (by: string): string =>
      taskId({ url: `${url}/a?v=1&X-Amz-Signature=${by}&X-Amz-Date=${by}`, filteredQueryParams })
    expect(signed('one')).toBe(signed('two'))
    expect(signed('one')).toBe(taskId({ url: `${url}/a?v=1` }))
  })

  it('does not read the URL when the content is given', () => {
    expect(taskId({ url: 'no url', contentForCalculatingTaskId: content })).toBe(contentId)
  })

  it('is 64 hex digits for any tag and application', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (tag, application) => {
        expect(taskId({ url, tag, application })).toMatch(/^[0-9a-f]{64}$/)
      }),
    )
  })

  it('refuses a relative URL', () => {
    expect(() => taskId({ url: 'a/b' })).toThrow('"a/b" is not an absolute URL.')
  })

  it('does not repeat credentials of a URL that it refuses', () => {
    try {
      taskId({ url: 'https://user:pass@exa mple/a?X-Amz-Signature=s#x' })
      expect.unreachable()
    } catch (error) {
      expect(isDfError(error, 'InvalidArgument')).toBe(true)
      expect(String(error)).toContain('"https://exa mple/a"')
    }
  })
})

describe('taskId of a registry blob', () => {
  const hex = 'a'.repeat(64)
  const blob = (digest: string): string => `https://registry:5000/v2/library/nginx/blobs/${digest}`
  const idOf = (input: string): string =>
    taskId({ url: input, enableTaskIdBasedBlobDigest: true, tag: 'ignored' })

  it('is the digest, whichever registry it comes from', () => {
    expect(idOf(blob(`sha256:${hex}`))).toBe(hex)
    expect(idOf(`http://mirror/v2/a/b/blobs/sha256:${hex}?ns=docker.io`)).toBe(hex)
  })

  it('is 128 digits long for sha512', () => {
    expect(idOf(blob(`sha512:${hex}${hex}`))).toBe(hex + hex)
  })

  it.each([
    ['a digest of the wrong length', blob('sha256:abc')],
    ['an unknown algorithm', blob(`md5:${hex}`)],
    ['a manifest', `https://registry/v2/library/nginx/manifests/sha256:${hex}`],
    ['another path', `https://registry/blobs/sha256:${hex}`],
  ])('falls back to the URL for %s', (_, input) => {
    expect(idOf(input)).toBe(taskId({ url: input, tag: 'ignored' }))
  })

  it('is that of the URL unless asked for', () => {
    expect(taskId({ url: blob(`sha256:${hex}`) })).not.toBe(hex)
  })

  it('gives way to the content', () => {
    const input = { url: blob(`sha256:${hex}`), enableTaskIdBasedBlobDigest: true }
    expect(taskId({ ...input, contentForCalculatingTaskId: content })).toBe(contentId)
  })
})

describe('persistentTaskId', () => {
  it('agrees with Dragonfly', () => {
    const id = persistentTaskId({
      url: 'my-object-key',
      region: 'us-west-1',
      endpoint: 'https://s3.us-west-1.amazonaws.com',
    })
    expect(id).toBe('b51f4f44921bb585277a5cbac13e7f6e2858238e98546f3ee6bfeb56369979c0')
  })

  it('differs between regions', () => {
    const inRegion = (region?: string): string => persistentTaskId({ url: 'key', region })
    expect(new Set([inRegion(), inRegion('a'), inRegion('b')]).size).toBe(3)
  })
})

describe('persistentCacheTaskId', () => {
  async function* file(...chunks: string[]): AsyncGenerator<Uint8Array> {
    for (const chunk of chunks) yield Buffer.from(chunk)
  }

  // interop.md 5.4
  it.each([
    [
      { pieceLength: 1024, tag: 'tag1', application: 'app1' },
      '7160a071a9acea5ac341e770c14d0211c38a4b15b3bbe2c5f848a706fd47419e',
    ],
    [{ application: 'app1' }, '0d0f8536f51227fda07141308f5ae8149b561b51b61c6517125f25dfa27acf5b'],
    [{ tag: 'tag1' }, 'a98b76813681e30cf83733fe055792b86393bba6f18e3d89fd8c18253922d992'],
    [{ pieceLength: 1024 }, 'e894374a39e39cfa78c409cac02f2cdbb5605a24f5ff55c7bc2b624877556c03'],
  ])('agrees with Dragonfly for %o, however the file is cut', async (input, expected) => {
    expect(await persistentCacheTaskId({ ...input, content: file(content) })).toBe(expected)
    const cut = file('This is ', '', 'a test file')
    expect(await persistentCacheTaskId({ ...input, content: cut })).toBe(expected)
  })

  it('is that of the given content, without reading the file', async () => {
    const unread = file('other')
    const id = await persistentCacheTaskId({
      content: unread,
      contentForCalculatingTaskId: content,
      tag: 'tag1',
    })
    expect(id).toBe(contentId)
    expect((await unread.next()).done).toBe(false)
  })

  it('passes on the error of a file that cannot be read', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('a')
      throw new Error('EIO')
    }
    await expect(persistentCacheTaskId({ content: broken() })).rejects.toThrow('EIO')
  })
})

describe('taskRevision', () => {
  it('prefers Hugging Face, then ModelScope, then OpenCSG', () => {
    expect(taskRevision({ huggingFace: 'h', modelScope: 'm', openCsg: 'o' })).toBe('h')
    expect(taskRevision({ modelScope: 'm', openCsg: 'o' })).toBe('m')
    expect(taskRevision({ openCsg: 'o' })).toBe('o')
    expect(taskRevision({})).toBeUndefined()
  })
})
