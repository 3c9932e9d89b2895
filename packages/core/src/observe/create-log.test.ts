import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
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
  expect(lines[0]).toMatchObject({ a: { b: { c: { header: { accept: 'text/plain' } } } } })
})

it('does not touch a message that mentions a secret key', () => {
  const [line] = written((log) => log.info({ n: 1 }, 'say "token":"x"'))
  expect(line).toMatchObject({ msg: 'say "token":"x"', n: 1 })
})
