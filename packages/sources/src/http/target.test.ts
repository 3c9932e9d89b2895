import { isDfError } from '@damselfly/core'
import { describe, expect, it } from 'vitest'
import { describeHost, describeUrl, targetOf } from './target.ts'

describe('targetOf', () => {
  it('turns userinfo into Basic credentials, decoded', () => {
    const target = targetOf({ url: new URL('http://us%40er:p%C3%A4ss@h/f'), header: {} })
    expect(target.url.href).toBe('http://h/f')
    const pair = Buffer.from('us@er:päss', 'utf8').toString('base64')
    expect(target.header).toEqual({ authorization: `Basic ${pair}` })
  })

  it('prefers credentials in the header', () => {
    const header = { AUTHORIZATION: 'Bearer x' }
    const target = targetOf({ url: new URL('http://u:p@h/f'), header })
    expect(target.header).toEqual({ authorization: 'Bearer x' })
    expect(target.url.username).toBe('')
  })

  it('does not repeat a password that it cannot decode', () => {
    try {
      targetOf({ url: new URL('http://u:secret%zz@h/f'), header: {} })
      expect.unreachable()
    } catch (error) {
      expect(isDfError(error, 'InvalidArgument')).toBe(true)
      expect(String(error)).not.toContain('secret')
    }
  })
})

describe('describing a URL', () => {
  it('leaves out the query and the userinfo', () => {
    expect(describeUrl(new URL('http://u:p@h:81/a/b?token=x#y'))).toBe('http://h:81/a/b')
  })

  it('names the default port', () => {
    expect(describeHost(new URL('https://h/f'))).toBe('h:443')
    expect(describeHost(new URL('http://[::1]/f'))).toBe('[::1]:80')
    expect(describeHost(new URL('http://h:81/f'))).toBe('h:81')
  })
})
