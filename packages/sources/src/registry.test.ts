import { isDfError } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { sourceRegistry } from './registry.ts'
import type { Source } from './source.ts'

const source = (schemes: string[], close: () => Promise<void> = async () => {}): Source => ({
  schemes,
  stat: () => Promise.reject(new Error('not asked')),
  read: () => Promise.reject(new Error('not asked')),
  close,
})

const thrownBy = (fn: () => unknown): unknown => {
  try {
    return fn()
  } catch (error) {
    return error
  }
}

describe('sourceRegistry', () => {
  const web = source(['http', 'https'])
  const bucket = source(['s3'])
  const registry = sourceRegistry([web, bucket])

  it('finds the source of a scheme, however it is written', () => {
    expect(registry.for(registry.parseUrl('HTTPS://example.com/f'))).toBe(web)
    expect(registry.for(registry.parseUrl('s3://bucket/key'))).toBe(bucket)
  })

  it('names an unknown scheme and those that there are', () => {
    const error = thrownBy(() => registry.for(new URL('ftp://example.com/f')))
    expect(isDfError(error, 'UnknownScheme')).toBe(true)
    expect(String(error)).toContain('"ftp"')
    expect(String(error)).toContain('http, https, s3')
  })

  it('suspects a host where a host and port read like a scheme', () => {
    const error = thrownBy(() => registry.for(registry.parseUrl('localhost:8080/f')))
    expect(String(error)).toContain('write http:// in front of it')
  })

  it.each([
    ['', 'it is empty'],
    ['  ', 'it is empty'],
    ['example.com/file', 'it does not start with a scheme'],
    ['/tmp/file', 'it does not start with a scheme'],
    ['http://', 'it names no host'],
    ['https:///?x', 'it names no host'],
    ['http://example.com:99999/f', 'its port is larger than 65535'],
    ['http://exa mple.com/f', '"exa mple.com" is not a host name'],
    ['http://example.com:port/f', 'its port is not a number'],
  ])('says what is wrong with the URL %j', (text, complaint) => {
    const error = thrownBy(() => registry.parseUrl(text))
    expect(isDfError(error, 'InvalidArgument')).toBe(true)
    expect(String(error)).toContain(complaint)
  })

  it('repeats no credentials of a URL that it cannot read', () => {
    const error = thrownBy(() => registry.parseUrl('http://me:secret@ho st/f?token=secret'))
    expect(String(error)).toContain('http://ho st/f')
    expect(String(error)).not.toContain('secret')
  })

  it('does not take two sources for one scheme', () => {
    expect(() => sourceRegistry([web, source(['https'])])).toThrow('"https"')
  })

  it('closes every source, also when one fails to', async () => {
    const closed: string[] = []
    const failing = source(['a'], () => Promise.reject(new Error('stuck')))
    const fine = source(['b'], async () => void closed.push('b'))
    await expect(sourceRegistry([failing, fine]).close()).rejects.toThrow('closing sources failed')
    expect(closed).toEqual(['b'])
  })
})
