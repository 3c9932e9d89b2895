import { peerPhase, type SwarmView } from './swarm-view.ts'

const weights = { load: 0.6, idc: 0.2, location: 0.1, type: 0.1 }
const loadWeights = { rate: 0.5, content: 0.3, pieces: 0.2 }
/** Content that children will take is spread over this time. */
const WINDOW_SECONDS = 60
/** So long a piece is assumed when asking how many at a time fill the uplink, bytes. */
const USUAL_PIECE_BYTES = 16 * 1024 * 1024
/** Elements of a location that are compared. */
const LOCATION_ELEMENTS = 5

/** What Dragonfly 2.5's rank of a parent depends on. */
export interface DragonflyTraits {
  readonly load: DragonflyLoad
  readonly isSameIdc: boolean
  /** How many leading elements of the two locations agree, 0 to 5. */
  readonly commonLocation: number
  readonly kind: 'peer' | 'seed' | 'downloading-seed'
}

export interface DragonflyLoad {
  /** As declared, bits/s; 0 = not declared. */
  readonly uplinkBits: number
  /** Sums over the children: piece length x pieces at a time, bits; lengths of their tasks, bits; pieces at a time. */
  readonly rateBits: number
  readonly contentBits: number
  readonly pieces: number
}

/** Only a seed that is downloading is better than an ordinary peer; one that has finished is worse. */
const kindScores = { peer: 0.5, seed: 0, 'downloading-seed': 1 } as const

/** Dragonfly 2.5's rank of a parent, 0 to 1. */
export function dragonflyRank({ load, isSameIdc, commonLocation, kind }: DragonflyTraits): number {
  return (
    weights.load * loadScore(load) +
    weights.idc * Number(isSameIdc) +
    weights.location * (commonLocation / LOCATION_ELEMENTS) +
    weights.type * kindScores[kind]
  )
}

/** The rank in a view. `pieceCountPerChild` stands in where it has no books. */
export function dragonflyScore(
  view: SwarmView,
  child: number,
  parent: number,
  pieceCountPerChild: number,
): number {
  const host = view.peer.host[parent] as number
  const childHost = view.peer.host[child] as number
  const { idc, isSeed } = view.host
  const seed = view.peer.phase[parent] === peerPhase.running ? 'downloading-seed' : 'seed'
  return dragonflyRank({
    load: loadOf(view, host, pieceCountPerChild),
    isSameIdc: idc[host] !== 0 && idc[host] === idc[childHost],
    commonLocation: commonLocation(view, host, childHost),
    kind: isSeed[host] === 0 ? 'peer' : seed,
  })
}

function loadOf(
  { books, host, task }: SwarmView,
  id: number,
  pieceCountPerChild: number,
): DragonflyLoad {
  const children = host.outDegree[id] as number
  const pieces = books?.uploadPieces[id] ?? children * pieceCountPerChild
  return {
    uplinkBits: 8 * (host.upCapacity[id] as number),
    rateBits: books?.uploadRate[id] ?? pieces * task.pieceLength * 8,
    contentBits: 8 * (books?.uploadContent[id] ?? children * task.contentLength),
    pieces,
  }
}

/** 0 for a host that did not declare its uplink. */
function loadScore({ uplinkBits, rateBits, contentBits, pieces }: DragonflyLoad): number {
  if (uplinkBits === 0) return 0
  return (
    loadWeights.rate * atLeastZero(1 - rateBits / uplinkBits) +
    loadWeights.content * atLeastZero(1 - contentBits / uplinkBits / WINDOW_SECONDS) +
    loadWeights.pieces * concurrencyScore(uplinkBits, pieces)
  )
}

function concurrencyScore(uplinkBits: number, pieces: number): number {
  const needed = uplinkBits / 8 / USUAL_PIECE_BYTES
  if (needed <= 1) return 0
  return pieces <= needed ? 1 : needed / pieces
}

function commonLocation({ books, host }: SwarmView, a: number, b: number): number {
  if (books !== undefined) return books.commonLocation(a, b)
  if (host.rack[a] !== 0 && host.rack[a] === host.rack[b]) return LOCATION_ELEMENTS
  return host.region[a] !== 0 && host.region[a] === host.region[b] ? 1 : 0
}

const atLeastZero = (value: number): number => Math.max(0, value)
