/** Where the bytes of a task lie, in a form that structured clone carries to another thread. */
export type ContentPlace =
  | {
      readonly kind: 'file'
      /** Belongs to these bytes alone: a task that begins a new life, or whose bytes move, gets another path. */
      readonly path: string
      /**
       * `direct`: past the page cache where the system can. `back`: through it, and to the disk soon. `auto`: `direct` while the
       * disk keeps up, else `back`. Default: through it, to the disk when the system likes.
       */
      readonly writing?: 'direct' | 'back' | 'auto'
    }
  | {
      readonly kind: 'memory'
      /** Where in the content the first segment begins. */
      readonly start: number
      /** One behind the other; all but the last of the content have the same length. */
      readonly segments: readonly SharedArrayBuffer[]
    }
  | {
      /** AES-256-GCM per piece: the bytes of `inner` are as long as the content; nonce and tag are the piece's seal. */
      readonly kind: 'sealed'
      readonly inner: ContentPlace
      /** 32 bytes. */
      readonly key: Uint8Array
    }
  /** A plug-in's medium: bytes pass only through the store's own read and write. */
  | { readonly kind: 'here' }

/** What opens a sealed piece beside the key. */
export interface PieceSeal {
  /** 12 random bytes, new for every writing of a piece. */
  readonly nonce: Uint8Array
  /** 16 bytes. */
  readonly tag: Uint8Array
}

/** Where a piece lies in its task, in bytes. */
export interface PlacedSpan {
  readonly offset: number
  readonly length: number
}
