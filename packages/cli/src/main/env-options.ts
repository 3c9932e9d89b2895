import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Io } from '../io.ts'

const envNames = new WeakMap<Option, string>()

/** An option that can be given in the environment, too; the flag wins. `environmentHelp` tells of it. */
export function envOption(flags: string, description: string, envName: string): Option {
  const option = new Option(flags, description)
  envNames.set(option, envName)
  return option
}

/**
 * Sets what flags left open from the environment. Not commander's `env()`: that reads the process, so nothing could be
 * tested, and takes DFGET_OVERWRITE=false for true.
 */
export function applyEnvironment(command: Command, env: Io['env']): void {
  for (const option of command.options) {
    const value = env[envNames.get(option) ?? '']
    const key = option.attributeName()
    const source = command.getOptionValueSource(key)
    if (value === undefined || (source !== undefined && source !== 'default')) continue
    command.setOptionValueWithSource(key, checked(command, option, value), 'env')
  }
}

function checked(command: Command, option: Option, text: string): unknown {
  try {
    return readValue(option, text)
  } catch (error) {
    if (!(error instanceof InvalidArgumentError)) throw error
    const where = `${envNames.get(option)} in the environment is invalid`
    return command.error(`error: ${where}: ${error.message.replace(/\.$/, '')}`)
  }
}

function readValue(option: Option, text: string): unknown {
  if (option.required || option.optional) {
    return option.parseArg === undefined ? text : option.parseArg(text, undefined)
  }
  const isSet = !['', '0', 'false', 'no', 'off'].includes(text.toLowerCase())
  return option.negate ? !isSet : isSet
}

/** The end of a help text. */
export function environmentHelp(prefix: string, others: readonly string[] = []): string {
  const example = `${prefix}_LOG_LEVEL=debug`
  const more = others.length === 0 ? '' : `\nAlso ${others.join(', ')}.`
  return `\nFlags can be set in the environment: ${example} is --log-level debug.${more}`
}

/** Gathers an option that may be given several times. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

/** The same for values without commas, several of which may be given at once. */
export function collectList(value: string, before: readonly string[] = []): string[] {
  return [
    ...before,
    ...value
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  ]
}
