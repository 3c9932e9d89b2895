import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Command } from './command.ts'
import { gatesCommand } from './gates-command.ts'
import { listCommand, runCommand } from './run-command.ts'

async function call(command: Command, ...args: string[]) {
  const printed: string[] = []
  const code = await command.run(args, { print: (text) => printed.push(text), note: () => {} })
  return { code, text: printed.join('\n') }
}

test.each([
  [[], 'Give one scenario: n100,'],
  [['nothing'], 'Give one scenario: n100,'],
  [['n100', 'n300'], 'Give one scenario: n100,'],
  [['n100', '--policy', 'best'], 'There is no policy "best"; there are default, random,'],
  [['n100', '--seed', '-1'], "'--seed' argument is ambiguous"],
  [['n100', '--seed', 'x'], '--seed must be a whole number from 1, not "x".'],
  [['n100', '--peers', '0'], '--peers must be a whole number from 1, not "0".'],
  [['n100', '--what'], "Unknown option '--what'"],
])('run %j says what is wrong', async (args, message) => {
  await expect(call(runCommand, ...args)).rejects.toThrow(message)
})

test('gates of an unknown policy are not run', async () => {
  await expect(call(gatesCommand, '--policy', 'best')).rejects.toThrow('There is no policy "best"')
})

test('gates of seeds that are none are not run', async () => {
  await expect(call(gatesCommand, '--seed', '3,x')).rejects.toThrow('--seed must be a whole number')
})

test('a run prints one JSON object and writes its plots', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'sim-'))
  try {
    const args = ['few-pieces', '--peers', '8', '--policy', 'default,random', '--json']
    const { code, text } = await call(runCommand, ...args, '--out', dir)
    expect(code).toBe(0)
    const { runs } = JSON.parse(text) as { runs: { policy: string }[] }
    expect(runs.map(({ policy }) => policy)).toEqual(['default', 'random'])
    expect((await readdir(dir)).sort()).toEqual([
      'few-pieces-completion.svg',
      'few-pieces-cross-rack.svg',
      'few-pieces-origin.svg',
    ])
  } finally {
    await rm(dir, { recursive: true })
  }
})

test('the list names every scenario and policy', async () => {
  const { text } = await call(listCommand)
  expect(text).toContain('kraken')
  expect(text).toContain('dragonfly-parents')
})
