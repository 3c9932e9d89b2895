import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { DfError, isDfError } from '../errors/df-error.ts'
import { loadConfig } from './load-config.ts'
import { byteSize, duration } from './schemas.ts'

const schema = z.strictObject({
  host: z.strictObject({ ip: z.string().optional(), port: z.number().default(4000) }).prefault({}),
  timeout: duration.prefault('30s'),
  quota: byteSize.prefault('10GiB'),
  tags: z.array(z.string()).default([]),
})

function failure(options: Omit<Parameters<typeof loadConfig>[0], 'schema'>): DfError {
  try {
    loadConfig({ schema, ...options })
  } catch (error) {
    if (isDfError(error, 'InvalidConfig')) return error
    throw error
  }
  throw new DfError('Internal', 'the configuration was accepted')
}

describe('loadConfig', () => {
  it('takes flags before the file and the file before the defaults', () => {
    const config = loadConfig({
      schema,
      text: 'host: {ip: 10.0.0.1, port: 1}\ntimeout: 1m30s\ntags: [a, b]',
      overrides: { host: { port: 2 }, tags: ['c'] },
    })
    expect(config).toEqual({
      host: { ip: '10.0.0.1', port: 2 },
      timeout: 90_000,
      quota: 10 * 1024 ** 3,
      tags: ['c'],
    })
  })

  it('ignores flags that were not given', () => {
    const overrides = { host: { port: undefined }, timeout: undefined }
    const config = loadConfig({ schema, text: 'host: {port: 1}', overrides })
    expect(config.host.port).toBe(1)
    expect(config.timeout).toBe(30_000)
  })

  it.each(['', '# nothing\n', '---\n', '{}'])('gives the defaults for %o', (text) => {
    expect(loadConfig({ schema, text }).host.port).toBe(4000)
  })

  it('gives the defaults without any file', () => {
    expect(loadConfig({ schema }).timeout).toBe(30_000)
  })

  it('reads the file that it is told to', () => {
    const readFile = (path: string): string => `tags: ["${path}"]`
    expect(loadConfig({ schema, file: '/etc/x.yaml', readFile }).tags).toEqual(['/etc/x.yaml'])
  })

  it('freezes the result all the way down', () => {
    const config = loadConfig({ schema, text: 'tags: [a]' })
    expect([config, config.host, config.tags].every(Object.isFrozen)).toBe(true)
  })

  it('leaves what is no plain data as the schema made it', () => {
    const withUrl = z.strictObject({ url: z.string().transform((text) => new URL(text)) })
    const { url } = loadConfig({ schema: withUrl, text: 'url: https://a/b' })
    expect(url.href).toBe('https://a/b')
  })

  it('reports every problem with the file and the path of the key', () => {
    const error = failure({
      file: '/etc/x.yaml',
      text: 'host: {port: many, Ip: x}\ntimeout: 30\nquota: much\ntag: [a]',
    })
    expect(error.message).toMatch(/^\/etc\/x\.yaml is not valid:\n/)
    for (const part of ['host.port', '"Ip"', 'timeout', 'quota', '"much"', '"tag"']) {
      expect(error.message).toContain(part)
    }
    expect(error.details.paths).toHaveLength(5)
  })

  it('says where broken YAML is broken', () => {
    const error = failure({ file: '/etc/x.yaml', text: 'host:\n  port: 1\n  ip: "x\n' })
    expect(error.message).toMatch(/\/etc\/x\.yaml is not valid YAML:/)
    expect(error.message).toMatch(/at line \d+, column \d+/)
  })

  it('refuses a key that is there twice', () => {
    expect(failure({ text: 'timeout: 1s\ntimeout: 2s' }).message).toMatch(/line 2, column 1/)
  })

  it('refuses an alias without its anchor', () => {
    expect(failure({ text: 'tags: *nowhere' }).message).toContain('nowhere')
  })

  it('refuses aliases that grow without measure', () => {
    const levels = Array.from({ length: 8 }, (_, i) => {
      const items = i === 0 ? '[x]' : `[${`*a${i - 1}, `.repeat(9)}*a${i - 1}]`
      return `a${i}: &a${i} ${items}`
    })
    expect(failure({ text: levels.join('\n') }).message).toContain('alias')
  })

  it.each(['[1, 2]', 'just text', '42'])('refuses %s at the top level', (text) => {
    expect(failure({ text }).message).toContain('must be a list of keys and values')
  })

  it('says that a file is missing', () => {
    const readFile = (): string => {
      throw Object.assign(new Error('ENOENT: ...'), { code: 'ENOENT' })
    }
    const error = failure({ file: '/etc/x.yaml', readFile })
    expect(error.message).toBe(
      'The configuration /etc/x.yaml cannot be read: there is no such file.',
    )
  })

  it('says why a file cannot be read', () => {
    expect(failure({ file: '/' }).message).toMatch(/\/ cannot be read: .*EISDIR/)
  })

  it('is not led astray by __proto__', () => {
    expect(failure({ text: '__proto__: {host: 1}' }).message).toContain('__proto__')
    expect(Object.hasOwn(Object.prototype, 'host')).toBe(false)
  })
})
