import type { MessageInitShape } from '@bufbuild/protobuf'
import type {
  ResolveTaskRequest,
  ResolveTaskResponseSchema,
  Swarm,
  TaskFacts as WireFacts,
} from '@damselfly/api/swarm'
import { AsyncQueue, asTaskId } from '@damselfly/core'
import type { ServiceImpl } from '@damselfly/rpc'
import type { ResolveEffect } from '../core/effects.ts'
import type { TaskFacts } from '../core/facts.ts'
import type { Driver, EffectSink } from '../driver.ts'
import { invalid, toLength } from './mapping.ts'

type Response = MessageInitShape<typeof ResolveTaskResponseSchema>

/** At most "elected" and one answer. */
const MAX_UNREAD = 4

/** One stream per question; it ends when the facts are known on either side. */
export function resolveTask(driver: Driver): ServiceImpl<typeof Swarm>['resolveTask'] {
  return async function* (requests) {
    const call = new ResolveCall(driver)
    driver.calls.set(call.id, call)
    void call.read(requests)
    try {
      yield* call.responses
    } finally {
      driver.calls.delete(call.id)
      driver.apply({ type: 'resolveClosed', callId: call.id })
    }
  }
}

class ResolveCall implements EffectSink<ResolveEffect> {
  readonly id: number
  readonly responses = new AsyncQueue<Response>(MAX_UNREAD)
  readonly #driver: Driver
  #hasAsked = false

  constructor(driver: Driver) {
    this.#driver = driver
    this.id = driver.nextCallId()
  }

  /** Never rejects: what goes wrong ends the call. */
  async read(requests: AsyncIterable<ResolveTaskRequest>): Promise<void> {
    try {
      for await (const request of requests) {
        if (this.responses.isClosed) return
        this.#receive(request)
      }
      this.responses.close()
    } catch (error) {
      this.responses.fail(error)
    }
  }

  deliver(effect: ResolveEffect): void {
    switch (effect.type) {
      case 'resolveElected':
        this.responses.push({ response: { case: 'elected', value: {} } })
        return
      case 'resolveKnown': {
        const { contentLength, responseHeader } = effect.facts
        const value = {
          contentLength: BigInt(contentLength),
          responseHeader: { ...responseHeader },
        }
        this.responses.push({ response: { case: 'known', value } })
        break
      }
      case 'resolveFailed': {
        const { responseHeader, ...failure } = effect.failure
        const value = { ...failure, responseHeader: { ...responseHeader } }
        this.responses.push({ response: { case: 'failed', value } })
        break
      }
      default:
        effect satisfies never
    }
    this.responses.close()
  }

  #receive({ request }: ResolveTaskRequest): void {
    const callId = this.id
    switch (request.case) {
      case 'ask': {
        if (this.#hasAsked) throw invalid('A stream asks one question only.')
        this.#hasAsked = true
        const { stale } = request.value
        const taskId = asTaskId(request.value.taskId)
        const elsewhere = request.value.followsRedirects
          ? this.#driver.replicas?.redirect(taskId)
          : undefined
        if (elsewhere !== undefined) {
          this.responses.push({ response: { case: 'redirect', value: { address: elsewhere } } })
          this.responses.close()
          return
        }
        this.#driver.apply({
          type: 'resolveAsked',
          callId,
          taskId,
          ...(stale === undefined ? {} : { stale: fromWire(stale) }),
        })
        break
      }
      case 'found':
        this.#driver.apply({ type: 'resolveFound', callId, facts: fromWire(request.value) })
        this.responses.close()
        break
      case 'failed': {
        const { message, statusCode, responseHeader, code } = request.value
        this.#driver.apply({
          type: 'resolveFailed',
          callId,
          failure: { message, statusCode, responseHeader, code },
        })
        this.responses.close()
        break
      }
      default:
    }
  }
}

function fromWire({ contentLength, responseHeader }: WireFacts): TaskFacts {
  return { contentLength: toLength('content length', contentLength), responseHeader }
}
