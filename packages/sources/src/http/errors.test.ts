import { describe, expect, it } from 'vitest'
import { connectTimeout } from './agents.ts'
import { networkError, refused } from './errors.ts'

const url = new URL('https://example.com/f?sig=secret')
const failed = (code: string): Error => Object.assign(new Error('low level words'), { code })

describe('networkError', () => {
  it.each([
    ['ECONNREFUSED', 'the connection was refused'],
    ['ENOTFOUND', 'the host name does not exist'],
    ['EAI_AGAIN', 'could not be resolved'],
    ['ECONNRESET', 'closed before an answer came'],
    ['EPIPE', 'closed before an answer came'],
    [connectTimeout, 'no connection was made in time'],
    ['ENETUNREACH', 'no route to the host'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'the TLS handshake failed'],
    ['ESOMETHING', 'the connection failed (ESOMETHING)'],
  ])('explains %s and can be retried', (code, says) => {
    const cause = failed(code)
    const error = networkError(url, cause)
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: true, cause })
    expect(error.message).toContain(says)
    expect(error.message).toContain('https://example.com/f from example.com:443')
    expect(error.message).not.toContain('secret')
  })

  it.each([
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
  ])('does not retry a certificate that is not accepted (%s)', (code) => {
    const error = networkError(url, failed(code))
    expect(error).toMatchObject({ code: 'SourceUnavailable', retryable: false })
    expect(error.message).toContain(`certificate is not accepted (${code})`)
  })

  it('has words for something that is no system error', () => {
    expect(networkError(url, new Error('odd')).message).toContain('the connection failed. Check')
  })
})

describe('refused', () => {
  it('tells the status in words of its own, not in those of the origin', () => {
    const error = refused(url, { statusCode: 404, header: {} })
    expect(error.message).toBe(
      'https://example.com/f answered 404 Not Found. Nothing is there: check the URL.',
    )
  })

  it('says when to come back', () => {
    const error = refused(url, { statusCode: 503, header: {}, retryAfterMs: 1500 })
    expect(error.message).toContain('It asks to come back in 2 seconds.')
    expect(error.retryable).toBe(true)
  })
})
