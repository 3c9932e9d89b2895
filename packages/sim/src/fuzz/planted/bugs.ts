/** A bug, as the change of a text that makes it. */
export interface PlantedBug {
  readonly name: string
  /** What the bug does. */
  readonly what: string
  readonly file: string
  /** Must be there exactly once. */
  readonly find: string
  readonly replace: string
}

/** Bugs of the kinds that a swarm dies of. Who changes the code they are planted in finds another place for them. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: 'unchecked',
    what: 'pieces of peers are not compared with their digests',
    file: 'packages/daemon/src/download/take-piece.ts',
    find: 'const expected = agreed ?? claimed(arrived.header.digest)',
    replace: 'const expected = agreed === undefined ? claimed("") : {}',
  },
  {
    name: 'lease',
    what: 'the lease of a holder that dies stays with it',
    file: 'packages/scheduler/src/core/on-peer-message.ts',
    find: `  peer.isStreamOpen = false
  endWithError(state, peer, undefined)
}`,
    replace: `  peer.isStreamOpen = false
  peer.lease = undefined
  endWithError(state, peer, undefined)
}`,
  },
  {
    name: 'wake-up',
    what: 'a piece whose fetch failed is not offered again',
    file: 'packages/daemon/src/mesh/takes.ts',
    find: 'if (!this.has(piece)) live.unclaim(piece)',
    replace: 'void live',
  },
]
