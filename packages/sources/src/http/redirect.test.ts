import { isDfError } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { redirectTarget } from './redirect.ts'
import { targetOf } from './target.ts'

const from = targetOf({
  url: new URL('https://example.com/dir/f?sig=secret'),
  header: { Authorization: 'Bearer x', Accept: '*/*' },
})

const refusal = (location: string | undefined): string => {
  try {
    return redirectTarget(from, location).url.href
  } catch (error) {
    expect(isDfError(error, 'SourceProtocol')).toBe(true)
    return String(error)
  }
}

describe('redirectTarget', () => {
  it('resolves a relative location and keeps the header', () => {
    const target = redirectTarget(from, '../other')
    expect(target.url.href).toBe('https://example.com/other')
    expect(target.header).toEqual(from.header)
  })

  it.each(['https://other.example/f', 'https://example.com:8443/f', 'https://sub.example.com/f'])(
    'leaves credentials behind on the way to %s',
    (location) => {
      expect(redirectTarget(from, location).header).toEqual({ accept: '*/*' })
    },
  )

  it('does not bring credentials back when it leads back', () => {
    const away = redirectTarget(from, 'https://other.example/f')
    expect(redirectTarget(away, 'https://example.com/dir/f').header).toEqual({ accept: '*/*' })
  })

  it('sends credentials that the location itself brings', () => {
    const target = redirectTarget(from, 'https://me:pw@other.example/f')
    expect(target.url.href).toBe('https://other.example/f')
    expect(target.header.authorization).toBe(`Basic ${btoa('me:pw')}`)
  })

  it('refuses to leave https', () => {
    expect(refusal('http://example.com/f')).toContain('from https to plain http')
  })

  it.each([
    [undefined, 'without saying where to'],
    ['http://', 'not a URL'],
    ['javascript:alert(1)', 'scheme "javascript"'],
  ])('refuses the location %j', (location, says) => {
    expect(refusal(location)).toContain(says)
    expect(refusal(location)).not.toContain('secret')
  })
})
