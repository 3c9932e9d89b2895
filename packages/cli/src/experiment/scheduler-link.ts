import { DfError, isDfError } from '@damselfly/core'
import { openChannel, type RpcChannel } from '@damselfly/rpc'
import type { CommandContext } from '../io.ts'
import { dataDir } from '../local/data-dir.ts'
import { resolveAddress } from '../local/resolve-address.ts'
import { readUpFile } from '../local/up-file.ts'

/** A scheduler to talk to. */
export interface SchedulerLink {
  readonly channel: RpcChannel
  readonly address: string
}

export interface SchedulerOptions {
  /** `host:port`. */
  readonly scheduler?: string
  readonly dataDir?: string
}

const usualAddress = '127.0.0.1:8002'

/** The scheduler that was named, else that of `damselfly up`, else the usual one of this host. */
export async function schedulerLink(
  options: SchedulerOptions,
  { io }: CommandContext,
): Promise<SchedulerLink> {
  const named = options.scheduler ?? io.env.DAMSELFLY_SCHEDULER
  const up = named === undefined ? await readUpFile(dataDir(options.dataDir, io).upFile) : undefined
  const address = named ?? up?.scheduler ?? usualAddress
  if (!/^.+:\d{1,5}$/.test(address)) {
    throw new DfError(
      'InvalidArgument',
      `--scheduler: "${address}" is not host:port, such as ${usualAddress}.`,
    )
  }
  const [resolved = address] = await resolveAddress(address)
  const colon = resolved.lastIndexOf(':')
  const host = resolved.slice(0, colon).replace(/^\[|\]$/g, '')
  const channel = openChannel(
    { host, port: Number(resolved.slice(colon + 1)) },
    { unavailable: 'SchedulerUnavailable' },
  )
  return { channel, address }
}

/** What a person can do about an error of this scheduler. */
export function explainedFor(address: string, error: unknown): unknown {
  if (isDfError(error, 'SchedulerUnavailable')) {
    return new DfError(
      'SchedulerUnavailable',
      `The scheduler at ${address} does not answer; name another one with --scheduler.`,
      { cause: error },
    )
  }
  if (isDfError(error, 'Unimplemented')) {
    return new DfError(
      'Unimplemented',
      `The scheduler at ${address} knows no experiments: it is Dragonfly's, or a Damselfly that is too old.`,
      { cause: error },
    )
  }
  return error
}
