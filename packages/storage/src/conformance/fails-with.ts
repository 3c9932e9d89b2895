import type { ErrorCode } from '@damselfly/core'
import { expect } from 'vitest'

/** Matches the `DfError` of that code. */
export const failsWith = (code: ErrorCode): unknown =>
  expect.objectContaining({ name: 'DfError', code })
