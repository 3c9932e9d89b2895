import { expect, test } from 'vitest'
import { requireProgram } from './programs.ts'

test('a program is found on the path', () => {
  expect(requireProgram('sh', 'dash')).toMatch(/\/sh$/)
})

test('a missing program is an error that says how to get it', () => {
  expect(() => requireProgram('no-such-program', 'some-package')).toThrow(
    'This benchmark needs no-such-program, which is not installed: apt-get install some-package.',
  )
})
