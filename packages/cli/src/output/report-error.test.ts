import { readFileSync } from 'node:fs'
import { DfError, type ErrorCode, errorTraits } from '@damselfly/core'
import { expect, it } from 'vitest'
import { fakeIo } from '../../test/support/fake-io.ts'
import { exitCodeOf, reportError } from './report-error.ts'

it.each(Object.entries(errorTraits))('exits for %s as the table says', (code, { exit }) => {
  expect(exitCodeOf(new DfError(code as ErrorCode, 'x'))).toBe(exit)
})

it('documents the exit code of every error', () => {
  const text = readFileSync(new URL('../../../../docs/exit-codes.md', import.meta.url), 'utf8')
  for (const [code, { exit }] of Object.entries(errorTraits)) {
    const row = text.split('\n').find((line) => line.includes(`\`${code}\``))
    expect(row, code).toMatch(new RegExp(`^\\| ${exit} \\|`))
  }
})

it('says an error in one paragraph', () => {
  const io = fakeIo()
  const error = new DfError('Timeout', 'It took too long. ', { cause: new Error('why') })
  expect(reportError(error, io.stderr, { isVerbose: false })).toBe(7)
  expect(io.err()).toBe('error: It took too long.\n')
})

it('tells all causes when asked to', () => {
  const io = fakeIo()
  const inner = new DfError('DiskFull', 'inner')
  const error = new DfError('Timeout', 'outer', { cause: inner })
  reportError(error, io.stderr, { isVerbose: true })
  expect(io.err()).toBe(
    'error: outer\n  code Timeout, blame caller, retryable true\n  caused by DfError: inner\n',
  )
})

it('survives causes that go round in circles', () => {
  const a = new Error('a')
  const b = new Error('b', { cause: a })
  a.cause = b
  const io = fakeIo()
  reportError(a, io.stderr, { isVerbose: true })
  expect(io.err().match(/caused by/g)).toHaveLength(2)
})

it('says of what it did not expect how to learn more', () => {
  const io = fakeIo()
  expect(reportError(new TypeError('x is undefined'), io.stderr, { isVerbose: false })).toBe(1)
  expect(io.err()).toBe('error: x is undefined (unexpected: run it with --verbose for details)\n')
})
