import { checkKey } from '../place/piece-cipher.ts'
import type { TaskSpec } from '../store.ts'
import type { Content, ContentRequest, Medium } from './medium.ts'
import type { NameSyncs } from './name-syncs.ts'

/** The key that a task's pieces are sealed with, 32 bytes: one per tenant, the same in every run. */
export type KeyFor = (spec: TaskSpec) => Uint8Array

/**
 * A medium whose contents are sealed by the store before they come here (AES-256-GCM per piece). Offsets and lengths are those
 * of the plain content, so any medium will do underneath.
 */
export function sealedMedium(inner: Medium, keyFor: KeyFor): Medium {
  // What was stored before the store had keys stays as it is.
  const seal = (content: Content, { spec, isSealed }: ContentRequest): Content =>
    isSealed ? new SealedContent(content, checkKey(keyFor(spec))) : content
  const sealFound = (content: Content | undefined, request: ContentRequest) =>
    content === undefined ? undefined : seal(content, request)
  return {
    name: inner.name,
    isKept: inner.isKept,
    create: async (request) => seal(await inner.create(request), request),
    attach(request) {
      const found = inner.attach(request)
      return found instanceof Promise
        ? found.then((content) => sealFound(content, request))
        : sealFound(found, request)
    },
    sweep: (isOwned) => inner.sweep(isOwned),
    async share(from, request) {
      if (!request.isSealed) return await inner.share?.(from, request)
      if (!(from instanceof SealedContent)) return undefined
      // Under another key the bytes would be of no use.
      if (Buffer.compare(from.key, checkKey(keyFor(request.spec))) !== 0) return undefined
      return sealFound(await inner.share?.(from.inner, request), request)
    },
    space: () => inner.space(),
    close: () => inner.close(),
  }
}

class SealedContent implements Content {
  readonly inner: Content
  readonly key: Uint8Array

  constructor(inner: Content, key: Uint8Array) {
    this.inner = inner
    this.key = key
  }

  get place(): Content['place'] {
    const inner = this.inner.place
    return inner.kind === 'here' ? inner : { kind: 'sealed', inner, key: this.key }
  }

  read(buffer: Uint8Array, offset: number): Promise<number> {
    return this.inner.read(buffer, offset)
  }

  write(bytes: Uint8Array, offset: number): Promise<void> {
    return this.inner.write(bytes, offset)
  }

  sync(names?: NameSyncs): Promise<void> {
    return this.inner.sync(names)
  }

  async allocatedBytes(): Promise<number> {
    return (await this.inner.allocatedBytes?.()) ?? 0
  }

  settle(): void {
    this.inner.settle?.()
  }

  async unsettle(): Promise<boolean> {
    return (await this.inner.unsettle?.()) ?? true
  }

  remove(isRead: boolean): Promise<void> {
    return this.inner.remove(isRead)
  }

  close(): void {
    this.inner.close()
  }
}
