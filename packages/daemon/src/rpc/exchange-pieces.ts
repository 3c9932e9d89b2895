import type { ExchangeMessage } from '@damselfly/api/peer'
import { abortable, asTaskId, DfError, deadline, linkSignals } from '@damselfly/core'
import type { DaemonContext } from './context.ts'

const helloWaitMs = 3_000

/**
 * damselfly.v1.Peer/Exchange: another host becomes a neighbour in the mesh of a task that is here. The first message says which task;
 * the mesh reads it, too.
 */
export async function* exchangePieces(
  messages: AsyncIterable<ExchangeMessage>,
  context: DaemonContext,
  signal: AbortSignal,
): AsyncGenerator<ExchangeMessage> {
  const reader = messages[Symbol.asyncIterator]()
  const first = await firstMessage(reader, context, signal)
  if (first === undefined) return
  const { message } = first
  if (message.case !== 'hello') {
    throw new DfError('InvalidArgument', 'The first message of an exchange is hello.')
  }
  const { taskId } = message.value
  const live = context.tasks.get(asTaskId(taskId))
  if (live === undefined || !context.isSharing) {
    throw new DfError('TaskNotFound', `This host does not have task ${taskId}.`)
  }
  // A neighbour that waits for pieces keeps a daemon alive that leaves when there is no work.
  using _busy = { [Symbol.dispose]: context.busy() }
  yield* context.meshes.of(live).accept(withFirst(first, reader), signal)
}

/** `undefined` when the caller has left without a word. */
async function firstMessage(
  reader: AsyncIterator<ExchangeMessage>,
  { clock }: DaemonContext,
  signal: AbortSignal,
): Promise<ExchangeMessage | undefined> {
  using limit = deadline(clock, helloWaitMs, () => late())
  using linked = linkSignals(signal, limit.signal)
  const { value, done } = await abortable(reader.next(), linked.signal)
  return done === true ? undefined : value
}

async function* withFirst(
  first: ExchangeMessage,
  reader: AsyncIterator<ExchangeMessage>,
): AsyncGenerator<ExchangeMessage> {
  yield first
  for (;;) {
    const { value, done } = await reader.next()
    if (done === true) return
    yield value
  }
}

const late = (): DfError =>
  new DfError('Timeout', 'The caller of an exchange said nothing for 3 s.')
