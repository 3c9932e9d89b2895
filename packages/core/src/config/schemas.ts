import { z } from 'zod'
import { DfError } from '../errors/df-error.ts'
import { parseByteSize } from './byte-size.ts'
import { parseDuration } from './duration.ts'

/** A duration in a configuration file; the result is in milliseconds. */
export const duration = z
  .string({ error: 'expected a duration with a unit, such as "30s" or "1h30m"' })
  .transform((text, context): number => {
    try {
      return parseDuration(text)
    } catch (error) {
      context.addIssue({ code: 'custom', message: DfError.from(error).message })
      return z.NEVER
    }
  })

/** A size in a configuration file, a string or a plain number of bytes; the result is in bytes. */
export const byteSize = z
  .union([z.string(), z.number()], { error: 'expected a size such as "4MiB" or a number of bytes' })
  .transform((size, context): number => {
    try {
      return parseByteSize(typeof size === 'number' ? checkNumber(size) : size)
    } catch (error) {
      context.addIssue({ code: 'custom', message: DfError.from(error).message })
      return z.NEVER
    }
  })

function checkNumber(bytes: number): string {
  if (Number.isSafeInteger(bytes) && bytes >= 0) return String(bytes)
  throw new DfError(
    'InvalidArgument',
    `The size "${bytes}" is invalid: expected a whole number of bytes.`,
  )
}
