import { peerPhase, type SwarmView } from './swarm-view.ts'

const weights = { load: 0.6, idc: 0.2, location: 0.1, type: 0.1 }
const loadWeights = { rate: 0.5, content: 0.3, pieces: 0.2 }
/** Content that children will take is spread over this time. */
const WINDOW_SECONDS = 60
/** So long a piece is assumed when asking how many at a time fill the uplink, bytes. */
const USUAL_PIECE_BYTES = 16 * 1024 * 1024
/** Elements of a location that are compared. */
const LOCATION_ELEMENTS = 5

/** Dragonfly 2.5's rank of a parent, 0 to 1. `pieceCountPerChild` stands in where the view has no books. */
export function dragonflyScore(
  view: SwarmView,
  child: number,
  parent: number,
  pieceCountPerChild: number,
): number {
  const host = view.peer.host[parent] as number
  const childHost = view.peer.host[child] as number
  const { idc } = view.host
  const isSameIdc = idc[host] !== 0 && idc[host] === idc[childHost]
  return (
    weights.load * loadScore(view, host, pieceCountPerChild) +
    weights.idc * Number(isSameIdc) +
    weights.location * (commonLocation(view, host, childHost) / LOCATION_ELEMENTS) +
    weights.type * typeScore(view, parent, host)
  )
}

/** 0 for a host that did not declare its uplink. */
function loadScore(
  { books, host, task }: SwarmView,
  id: number,
  pieceCountPerChild: number,
): number {
  const uplinkBits = 8 * (host.upCapacity[id] as number)
  if (uplinkBits === 0) return 0
  const children = host.outDegree[id] as number
  const pieces = books?.uploadPieces[id] ?? children * pieceCountPerChild
  const rateBits = books?.uploadRate[id] ?? pieces * task.pieceLength * 8
  const contentBits = 8 * (books?.uploadContent[id] ?? children * task.contentLength)
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

/** Only a seed that is downloading is better than an ordinary peer; one that has finished is worse. */
function typeScore({ host, peer }: SwarmView, parent: number, hostId: number): number {
  if (host.isSeed[hostId] === 0) return 0.5
  return peer.phase[parent] === peerPhase.running ? 1 : 0
}

function commonLocation({ books, host }: SwarmView, a: number, b: number): number {
  if (books !== undefined) return books.commonLocation(a, b)
  if (host.rack[a] !== 0 && host.rack[a] === host.rack[b]) return LOCATION_ELEMENTS
  return host.region[a] !== 0 && host.region[a] === host.region[b] ? 1 : 0
}

const atLeastZero = (value: number): number => Math.max(0, value)
