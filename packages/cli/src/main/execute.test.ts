import { DfError } from '@damselfly/core'
import { expect, it } from 'vitest'
import { fakeContext } from '../../test/support/fake-io.ts'
import { Interrupted } from '../interrupted.ts'
import { damselfly } from '../programs/damselfly.ts'
import { dfget } from '../programs/dfget.ts'
import { version } from '../version.ts'
import { applyEnvironment, collect, collectList, envOption } from './env-options.ts'
import { execute } from './execute.ts'
import { newCommand } from './new-command.ts'

it.each([[['--version']], [['-V']]])('prints its version for %o', async (args) => {
  const context = fakeContext()
  expect(await dfget(args, context)).toBe(0)
  expect(context.io.out()).toBe(`dfget ${version}\n`)
})

it('prints help on standard output', async () => {
  const context = fakeContext()
  expect(await damselfly(['get', '--help'], context)).toBe(0)
  expect(context.io.out()).toContain('Usage: damselfly get [options] <url>')
  for (const line of context.io.out().split('\n')) expect(line.length).toBeLessThanOrEqual(80)
})

it.each([
  [['--nope'], "error: unknown option '--nope'. Run it with --help to see its use.\n"],
  [[], "error: missing required argument 'url'. Run it with --help to see its use.\n"],
  [['a', 'b'], expect.stringMatching(/^error: too many arguments.*\n$/)],
  [
    ['a', '-l', 'loud'],
    expect.stringMatching(/^error: option '-l, --log-level .*Allowed choices.*\n$/),
  ],
  [['https://a/b'], 'error: The output is missing: name the file to write with -O FILE.\n'],
  [['b', '-O', 'c'], 'error: "b" is not a URL: write it like https://example.com/file.\n'],
])('exits with 2 for wrong use: %o', async (args, message) => {
  const context = fakeContext()
  expect(await dfget(args, context)).toBe(2)
  expect(context.io.err()).toEqual(message)
})

it('suggests the command that was meant', async () => {
  const context = fakeContext()
  expect(await damselfly(['git'], context)).toBe(2)
  expect(context.io.err()).toContain('(Did you mean get?)')
})

it('exits with the code of an interruption, not with that of what it broke', async () => {
  const controller = new AbortController()
  const context = { ...fakeContext(), signal: controller.signal }
  const command = newCommand('x', context.io).action(() => {
    controller.abort(new Interrupted('SIGINT'))
    throw new DfError('Timeout', 'x')
  })
  expect(await execute(command, [], context)).toBe(130)
  expect(context.io.err()).toBe('Interrupted.\n')
})

function parse(args: readonly string[], env: Record<string, string>) {
  const { io } = fakeContext()
  const command = newCommand('x', io)
    .addOption(envOption('--text <t>', '', 'X_TEXT').default('default'))
    .addOption(envOption('--list <l>', '', 'X_LIST').argParser(collectList))
    .addOption(envOption('--line <l>', '', 'X_LINE').argParser(collect))
    .addOption(envOption('--flag', '', 'X_FLAG'))
    .addOption(envOption('--no-color', '', 'X_NO_COLOR'))
    .addOption(envOption('--choice <c>', '', 'X_CHOICE').choices(['a', 'b']))
    .parse([...args], { from: 'user' })
  applyEnvironment(command, env)
  return { ...command.opts() }
}

const plain = { text: 'default', color: true }

it.each<[string[], Record<string, string>, object]>([
  [[], {}, plain],
  [[], { X_TEXT: 'env' }, { ...plain, text: 'env' }],
  [['--text', 'flag'], { X_TEXT: 'env' }, { ...plain, text: 'flag' }],
  [['--text', 'default'], { X_TEXT: 'env' }, plain],
  [[], { X_LIST: 'a, b' }, { ...plain, list: ['a', 'b'] }],
  [['--list', 'a', '--list', 'b,c'], {}, { ...plain, list: ['a', 'b', 'c'] }],
  [[], { X_LINE: 'a, b' }, { ...plain, line: ['a, b'] }],
  [[], { X_FLAG: '1' }, { ...plain, flag: true }],
  [[], { X_FLAG: 'false' }, { ...plain, flag: false }],
  [[], { X_NO_COLOR: 'true' }, { ...plain, color: false }],
  [[], { X_NO_COLOR: '0' }, plain],
  [[], { X_CHOICE: 'b' }, { ...plain, choice: 'b' }],
])('reads %o with the environment %o', (args, env, expected) => {
  expect(parse(args, env)).toEqual(expected)
})

it('says which variable of the environment is wrong', async () => {
  const context = fakeContext({ env: { DFGET_LOG_LEVEL: 'loud' } })
  expect(await dfget(['https://a/b', '-O', 'c'], context)).toBe(2)
  expect(context.io.err()).toMatch(/^error: DFGET_LOG_LEVEL in the environment is invalid: Allowed/)
})
