import { isDfError } from '@damselfly/core'
import { loadConfig } from '@damselfly/core/config'
import { describe, expect, it } from 'vitest'
import { daemonConfigSchema, unusedKeys } from './config.ts'

const load = (text: string) => loadConfig({ schema: daemonConfigSchema, text })

describe('settings of TLS', () => {
  const places = ['upload.server', 'upload.client', 'scheduler', 'manager']
  const cases = places.flatMap((place) =>
    ['caCert', 'cert', 'key'].map((name) => [place, name] as const),
  )

  it.each(cases)('are refused: %s.%s', (place, name) => {
    const text = place
      .split('.')
      .reduceRight<object>((inner, key) => ({ [key]: inner }), { [name]: '/etc/x.pem' })
    const failure = () => load(JSON.stringify(text))
    expect(failure).toThrow(
      expect.objectContaining({
        code: 'InvalidConfig',
        message: expect.stringContaining(`TLS is not in this version; remove ${place}.${name}`),
      }),
    )
  })

  it('may stand there without a value', () => {
    const config = load('{upload: {server: {caCert: }, client: }, scheduler: {key: null}}')
    expect(unusedKeys(config)).toEqual([])
  })
})

it('names the keys that have no effect, and what is wrong with others', () => {
  expect(unusedKeys(load('{proxy: {a: 1}, upload: {server: {requestRateLimit: 4}}}'))).toEqual([
    'upload.server.requestRateLimit',
    'proxy',
  ])
  const refusal = (text: string) => {
    try {
      load(text)
    } catch (error) {
      return isDfError(error, 'InvalidConfig') ? error.message : error
    }
    return undefined
  }
  expect(refusal('upload: {sever: {}}')).toContain('sever')
})
