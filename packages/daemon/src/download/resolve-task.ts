import { create, type MessageInitShape } from '@bufbuild/protobuf'
import {
  type ResolveFailure,
  type ResolveTaskRequest,
  ResolveTaskRequestSchema,
  type ResolveTaskResponse,
  type TaskFacts as WireFacts,
} from '@damselfly/api/swarm'
import {
  abortable,
  background,
  type Clock,
  DfError,
  deadline,
  type ErrorCode,
  errorTraits,
  isAbort,
  isDfError,
  type Log,
  settledWithin,
} from '@damselfly/core'
import { type BidiStream, openBidi } from '@damselfly/rpc'
import type { Source, SourceRequest, SourceStat } from '@damselfly/sources'
import type { SchedulerLink, SchedulerPool } from '../announce/scheduler-pool.ts'
import type { DownloadRequest } from './download-request.ts'

/** What must be known of a task before its first byte. */
export interface TaskFacts {
  readonly contentLength: number
  readonly responseHeader: Readonly<Record<string, string>>
}

/** How long the scheduler may take to read the answer. */
const answerWaitMs = 2_000
/** Longer than a scheduler waits for a silent peer that it has elected (30 s). */
const responseWaitMs = 45_000

export interface ResolveDeps {
  readonly source: Source
  readonly clock: Clock
  readonly hostId: string
  readonly log: Log
  /** What a scheduler told before and the origin contradicts. */
  readonly stale?: TaskFacts
  /** Which scheduler takes the task; see there. */
  readonly schedulers: Pick<SchedulerPool, 'followsRedirects' | 'redirect'>
}

/**
 * Learns a task's length. With a scheduler of ours the origin is asked by one peer for all; with Dragonfly's scheduler
 * (UNIMPLEMENTED) or none, this peer asks for itself.
 */
export async function resolveTask(
  request: DownloadRequest,
  links: readonly SchedulerLink[],
  deps: ResolveDeps,
  signal: AbortSignal,
): Promise<TaskFacts> {
  for (const link of links) {
    try {
      return await resolveFollowing(link, request, deps, signal)
    } catch (error) {
      if (isAbort(error, signal)) throw error
      if (isDfError(error, 'Unimplemented')) break
      // Whatever else goes wrong there, the origin can still be asked: only its own answer counts.
      if (DfError.from(error).blame === 'source') throw error
      link.markUnavailable()
      deps.log.warn({ scheduler: link.address, err: error }, 'scheduler does not answer')
    }
  }
  return askOrigin(request, deps, signal)
}

/** Asks there, and where that one sends us. One redirect is followed, not more. */
async function resolveFollowing(
  link: SchedulerLink,
  request: DownloadRequest,
  deps: ResolveDeps,
  signal: AbortSignal,
): Promise<TaskFacts> {
  const { schedulers } = deps
  let elsewhere: SchedulerLink | undefined
  if (schedulers.followsRedirects) {
    const first = await resolveAt(link, request, { ...deps, mayRedirect: true }, signal)
    const isRedirected = 'redirect' in first
    elsewhere = schedulers.redirect(request.taskId, isRedirected ? first.redirect : undefined)
    if (!isRedirected) return first
  }
  const last = { ...deps, mayRedirect: false }
  if (elsewhere !== undefined) {
    try {
      return factsOf(await resolveAt(elsewhere, request, last, signal), elsewhere)
    } catch (error) {
      if (isAbort(error, signal) || DfError.from(error).blame === 'source') throw error
      elsewhere.markUnavailable()
      deps.log.warn({ scheduler: elsewhere.address, err: error }, 'scheduler does not answer')
    }
  }
  return factsOf(await resolveAt(link, request, last, signal), link)
}

interface Redirect {
  /** `ip:port` */
  readonly redirect: string
}

function factsOf(answer: TaskFacts | Redirect, link: SchedulerLink): TaskFacts {
  if ('redirect' in answer) throw noAnswer(link)
  return answer
}

async function resolveAt(
  link: SchedulerLink,
  request: DownloadRequest,
  deps: ResolveDeps & { readonly mayRedirect: boolean },
  signal: AbortSignal,
): Promise<TaskFacts | Redirect> {
  const stream = openBidi(link.swarm.resolveTask, { signal })
  const responses = stream.responses[Symbol.asyncIterator]()
  // A send fails only when the call is over, and then the responses say why.
  const send = (message: ResolveTaskRequest): void => {
    stream.send(message).catch(() => {})
  }
  let isElected = false
  try {
    send(
      wireRequest({
        case: 'ask',
        value: {
          taskId: request.taskId,
          hostId: deps.hostId,
          followsRedirects: deps.mayRedirect,
          ...(deps.stale === undefined ? {} : { stale: toWire(deps.stale) }),
        },
      }),
    )
    for (;;) {
      const { done, value } = await nextResponse(responses, link, deps.clock)
      if (done === true) throw noAnswer(link)
      const { response } = value
      if (response.case === 'known') return fromWire(response.value)
      if (response.case === 'redirect') return { redirect: response.value.address }
      if (response.case === 'failed') throw sharedFailure(response.value, request)
      isElected = response.case === 'elected'
      if (isElected) return await answer(send, request, deps, signal)
    }
  } finally {
    if (isElected && !signal.aborted) {
      background('answer to the scheduler', endCall(stream, responses, deps.clock), deps.log)
    } else stream.abort()
  }
}

async function nextResponse(
  responses: AsyncIterator<ResolveTaskResponse>,
  { address }: SchedulerLink,
  clock: Clock,
): Promise<IteratorResult<ResolveTaskResponse>> {
  using limit = deadline(
    clock,
    responseWaitMs,
    () =>
      new DfError(
        'SchedulerUnavailable',
        `The scheduler at ${address} did not answer within ${responseWaitMs / 1000} s.`,
      ),
  )
  return await abortable(responses.next(), limit.signal)
}

function noAnswer({ address }: SchedulerLink): DfError {
  return new DfError(
    'SchedulerUnavailable',
    `The scheduler at ${address} ended the question without an answer.`,
  )
}

/** The scheduler ends the call when it has read the answer; an abort before that would overtake it. */
async function endCall(
  stream: BidiStream<ResolveTaskRequest, ResolveTaskResponse>,
  responses: AsyncIterator<ResolveTaskResponse>,
  clock: Clock,
): Promise<void> {
  stream.closeSend()
  await settledWithin(clock, answerWaitMs, responses.next())
  stream.abort()
}

/** Asks the origin for the whole swarm and tells the scheduler what it said. */
async function answer(
  send: (message: ResolveTaskRequest) => void,
  request: DownloadRequest,
  deps: ResolveDeps,
  signal: AbortSignal,
): Promise<TaskFacts> {
  try {
    const facts = await askOrigin(request, deps, signal)
    send(
      wireRequest({
        case: 'found',
        value: toWire(facts),
      }),
    )
    return facts
  } catch (error) {
    if (isAbort(error, signal)) throw error
    send(wireRequest({ case: 'failed', value: wireFailure(DfError.from(error)) }))
    throw error
  }
}

type RequestCase = NonNullable<MessageInitShape<typeof ResolveTaskRequestSchema>['request']>

function wireRequest(request: RequestCase): ResolveTaskRequest {
  return create(ResolveTaskRequestSchema, { request })
}

/** What the origin itself says. Errors are those of `Source.stat`, and `SourceProtocol` without a length. */
export async function askOrigin(
  request: DownloadRequest,
  { source }: Pick<ResolveDeps, 'source'>,
  signal: AbortSignal,
): Promise<TaskFacts> {
  const { contentLength, header } = await source.stat(sourceRequest(request), { signal })
  if (contentLength === undefined) {
    throw new DfError(
      'SourceProtocol',
      `The origin of ${request.url.origin}${request.url.pathname} does not say how long the content is, so it cannot be divided into pieces. Serve it with a Content-Length, or fetch it directly.`,
    )
  }
  return { contentLength, responseHeader: header }
}

export function sourceRequest({ url, header }: DownloadRequest): SourceRequest {
  return { url, header }
}

/** The facts in the form that a source compares its answers with; what is stored already has its say too. */
export function sourceStat(
  { contentLength, responseHeader }: TaskFacts,
  stored: Readonly<Record<string, string>>,
): SourceStat {
  return { contentLength, header: { ...stored, ...responseHeader } }
}

function toWire({ contentLength, responseHeader }: TaskFacts) {
  return { contentLength: BigInt(contentLength), responseHeader: { ...responseHeader } }
}

function fromWire(facts: WireFacts): TaskFacts {
  return { contentLength: Number(facts.contentLength), responseHeader: facts.responseHeader }
}

function wireFailure(error: DfError) {
  const { statusCode, header } = error.details
  return {
    message: error.message,
    statusCode: typeof statusCode === 'number' ? statusCode : 0,
    responseHeader: isHeader(header) ? header : {},
    code: error.code,
  }
}

function sharedFailure(failure: ResolveFailure, { url }: DownloadRequest): DfError {
  const code: ErrorCode = isErrorCode(failure.code) ? failure.code : 'SourceUnavailable'
  return new DfError(
    code,
    failure.message || `The origin of ${url.origin}${url.pathname} cannot be read.`,
    {
      details: { statusCode: failure.statusCode || undefined, header: failure.responseHeader },
    },
  )
}

function isErrorCode(code: string): code is ErrorCode {
  return code in errorTraits
}

function isHeader(value: unknown): value is Record<string, string> {
  return typeof value === 'object' && value !== null
}
