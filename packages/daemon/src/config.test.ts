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

function refusal(text: string): unknown {
  try {
    load(text)
  } catch (error) {
    return isDfError(error, 'InvalidConfig') ? error.message : error
  }
  return undefined
}

it('names the keys that have no effect, and what is wrong with others', () => {
  expect(unusedKeys(load('{proxy: {a: 1}, upload: {server: {requestRateLimit: 4}}}'))).toEqual([
    'upload.server.requestRateLimit',
    'proxy',
  ])
  expect(refusal('upload: {sever: {}}')).toContain('sever')
})

it.each([
  ['upload: {bandwidthLimit: 0}', 'a rate has to be above 0'],
  ['upload: {bandwidthTable: ["08:00-25:00=1MB"]}', 'it has to look like 08:00-18:00=10MB'],
  ['upload: {bandwidthTable: ["08:00-08:00=1MB"]}', 'it lasts for no time'],
  ['upload: {slots: 0}', 'upload.slots'],
  ['transfer: {tls: always}', 'transfer.tls'],
  ['transfer: {threads: -1}', 'transfer.threads'],
  ['storage: {kind: tape}', 'storage.kind'],
  ['storage: {sync: sometimes}', 'storage.sync'],
  ['storage: {directIO: often}', 'storage.directIO'],
  ['upload: {minRate: fast}', 'upload.minRate'],
])('refuses %s', (text, why) => {
  expect(refusal(text)).toContain(why)
})

it('takes limits for parts of the day', () => {
  const { upload } = load('upload: {bandwidthTable: ["22:00-06:00=unlimited", "08:00-18:00=10MB"]}')
  expect(upload.bandwidthTable).toHaveLength(2)
})
