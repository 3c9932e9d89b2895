import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DfError } from '../errors/df-error.ts'
import { createLog, type LogLevel } from './create-log.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'log-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true })
})

function written(use: (log: ReturnType<typeof createLog>) => void, level: LogLevel = 'info') {
  const file = join(dir, 'new', 'a.log')
  use(createLog({ level, file }))
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

it('writes JSON lines with the bindings of its parents', () => {
  const [line] = written((log) => log.child({ component: 'gc' }).info({ taskId: 't' }, 'evicted'))
  expect(line).toMatchObject({ component: 'gc', taskId: 't', msg: 'evicted' })
})

it('writes nothing below its level', () => {
  expect(written((log) => log.info('x'), 'warn')).toEqual([])
})

it('writes no secret, however deep it lies and however its key is spelled', () => {
  const secret = 's3"cr[e]t'
  const header = {
    Authorization: secret,
    'Proxy-Authorization': secret,
    cookie: secret,
    'set-cookie': [secret, `${secret}; path=/]`],
    accept: 'text/plain',
  }
  const err = new DfError('SourceRefused', 'no', { details: { request: { header } } })
  const lines = written((log) => {
    log.child({ token: secret }).info({ a: { b: { c: { header } } }, password: secret }, 'x')
    log.warn({ err }, 'refused')
  })
  expect(lines).toHaveLength(2)
  expect(JSON.stringify(lines)).not.toContain('cr[e]t')
  expect(lines[0]).toMatchObject({ a: { b: { c: { header: { accept: '[Redacted]' } } } } })
})

it('does not touch a message that mentions a secret key', () => {
  const [line] = written((log) => log.info({ n: 1 }, 'say "token":"x"'))
  expect(line).toMatchObject({ msg: 'say "token":"x"', n: 1 })
})

it.each(['header', 'headers', 'requestHeader', 'responseHeader', 'request_header'])(
  'writes the names but no values of the headers in %s',
  (key) => {
    const header = { 'PRIVATE-TOKEN': 's3cret', 'X-JFrog-Art-Api': ['s3cret', 's3"cret'], n: 1 }
    const err = new DfError('SourceRefused', 'no', { details: { [key]: header } })
    const [direct, nested] = written((log) => {
      log.info({ a: [{ [key]: header }] }, 'x')
      log.info({ err, [key]: ['PRIVATE-TOKEN', 's3cret'] }, 'x')
    })
    expect(JSON.stringify([direct, nested])).not.toMatch(/s3|"n":1/)
    const hidden = {
      'PRIVATE-TOKEN': '[Redacted]',
      'X-JFrog-Art-Api': '[Redacted]',
      n: '[Redacted]',
    }
    expect(direct).toMatchObject({ a: [{ [key]: hidden }], msg: 'x' })
    expect(nested).toMatchObject({ err: { details: { [key]: hidden } }, [key]: '[Redacted]' })
  },
)

it.each([
  ['https://u:s3cret@example.com/a?sig=s3cret#f', 'https://example.com/a?[Redacted]#f'],
  ['https://s3cret@example.com', 'https://example.com'],
  ['https://example.com/a@b', 'https://example.com/a@b'],
  ['//u:s3cret@host/a?s3cret', '//host/a?[Redacted]'],
])('writes who may read %s in no url', (url, bare) => {
  const [line] = written((log) => log.info({ url, a: { sourceUrl: new URL(url, 'http://x') } }))
  expect(line).toMatchObject({ url: bare })
  expect(JSON.stringify(line)).not.toContain('s3cret')
})

it('says which file it cannot open', () => {
  const file = join(dir, 'file')
  writeFileSync(file, '')
  const path = join(file, 'a.log')
  expect(() => createLog({ level: 'info', file: path })).toThrow(
    expect.objectContaining({
      code: 'OutputUnwritable',
      message: expect.stringContaining(`The log file ${path} cannot be opened: `),
    }),
  )
})

describe('a log that cannot be written', () => {
  const run = (script: string) => {
    const from = new URL('./create-log.ts', import.meta.url).href
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e']
    const code = `const { createLog } = await import('${from}')\n${script}`
    return spawnSync(process.execPath, [...flags, code], { encoding: 'utf8' })
  }

  it('drops its lines, says so once and does not end the process', () => {
    const { status, stdout, stderr } = run(`
      const log = createLog({ level: 'info', file: '/dev/full' })
      log.info({}, 'x')
      await new Promise((resolve) => setTimeout(resolve, 10))
      log.child({ a: 1 }).warn('y')
      setTimeout(() => console.log('lives'), 10)
    `)
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'lives\n' })
    expect(stderr.split('\n')).toEqual([
      expect.stringMatching(/^warning: the log cannot be written to \/dev\/full: ENOSPC.*dropped/),
      '',
    ])
  })

  it('does so on a standard error that is closed, too', () => {
    const { status, stdout } = run(`
      import { closeSync } from 'node:fs'
      closeSync(2)
      createLog({ level: 'info' }).info('x')
      setTimeout(() => console.log('lives'), 10)
    `)
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'lives\n' })
  })
})
