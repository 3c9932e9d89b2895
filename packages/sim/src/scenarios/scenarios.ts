import { MIB, type Scenario } from './scenario.ts'

/** 1 GiB in pieces of 4 MiB, one seed with a network card like everybody's: the hardest case, all bounds are equal. */
const usual = {
  peers: 1000,
  pieceCount: 256,
  pieceBytes: 4 * MIB,
  seeds: { count: 1, speed: 1 },
} as const

const mixedUplinks = [
  { share: 0.4, factor: 0.25 },
  { share: 0.3, factor: 1 },
  { share: 0.3, factor: 2 },
]

/** Everything that the gates and the nightly run look at, smallest first within a kind. */
export const scenarios: readonly Scenario[] = [
  { ...usual, name: 'n100', title: '100 equal peers', peers: 100 },
  { ...usual, name: 'n300', title: '300 equal peers', peers: 300 },
  { ...usual, name: 'n1000', title: '1,000 equal peers' },
  { ...usual, name: 'n10000', title: '10,000 equal peers', peers: 10_000 },
  {
    ...usual,
    name: 'seeds3',
    title: '1,000 equal peers, three seeds',
    seeds: { count: 3, speed: 1 },
  },
  {
    ...usual,
    name: 'fast-seed',
    title: '1,000 equal peers, a seed twice as fast',
    seeds: { count: 1, speed: 2 },
  },
  {
    ...usual,
    name: 'few-pieces',
    title: '1,000 equal peers, 64 pieces of 16 MiB',
    pieceCount: 64,
    pieceBytes: 16 * MIB,
  },
  {
    ...usual,
    name: 'mixed',
    title: 'uplinks of 0.25, 1 and 2 (8:1), declared as they are',
    uplinks: mixedUplinks,
  },
  {
    ...usual,
    name: 'mixed-undeclared',
    title: 'uplinks of 0.25, 1 and 2 (8:1), all declared as 1',
    uplinks: mixedUplinks,
    declared: 'same',
  },
  {
    ...usual,
    name: 'racks4',
    title: '25 racks of 40 behind a core of a quarter',
    racks: { count: 25, oversubscription: 4 },
  },
  {
    ...usual,
    name: 'racks8',
    title: '25 racks of 40 behind a core of an eighth',
    racks: { count: 25, oversubscription: 8 },
  },
  { ...usual, name: 'churn', title: '2 % of the peers die on the way', deaths: 0.02 },
  {
    ...usual,
    name: 'stragglers',
    title: '2 % die, 3 % have a tenth of the uplink and do not say so',
    deaths: 0.02,
    stragglers: 0.03,
  },
  {
    ...usual,
    name: 'poisson',
    title: '300 peers that come one after another, over four bounds',
    peers: 300,
    arrivals: { overBounds: 4 },
  },
  {
    ...usual,
    name: 'streaming',
    title: '300 equal peers that read in order from the start',
    peers: 300,
    hasReaders: true,
  },
  ...[0, 300, 2500, 10_000].map(
    (startMs): Scenario => ({
      ...usual,
      name: `cold-${startMs}`,
      title: `200 peers, nothing is there; the seed starts after ${startMs} ms`,
      peers: 200,
      seeds: { count: 1, speed: 1, startMs },
      origin: 1,
    }),
  ),
  {
    ...usual,
    name: 'cold-seeds3',
    title: '200 peers, nothing is there; three seeds that start after 2.5 s, origin 3',
    peers: 200,
    seeds: { count: 3, speed: 1, startMs: 2500 },
    origin: 3,
  },
  {
    ...usual,
    name: 'cold-n1000',
    title: '1,000 peers, nothing is there; the seed starts after 300 ms; 64 pieces of 16 MiB',
    pieceCount: 64,
    pieceBytes: 16 * MIB,
    seeds: { count: 1, speed: 1, startMs: 300 },
    origin: 1,
  },
  {
    ...usual,
    name: 'scheduler-restart',
    title: '200 peers, the scheduler dies half-way and comes back with nothing',
    peers: 200,
    origin: 1,
    faults: [{ type: 'schedulerRestart', at: 0.4, until: 0.6 }],
  },
  {
    ...usual,
    name: 'host-restart',
    title: '200 peers, a fifth of them crash half-way and come back',
    peers: 200,
    origin: 1,
    faults: [{ type: 'hostRestart', at: 0.4, until: 0.7, share: 0.2 }],
  },
  {
    ...usual,
    name: 'partition',
    title: '200 peers, a fifth of them are cut off for half a bound',
    peers: 200,
    origin: 1,
    faults: [{ type: 'partition', at: 0.4, until: 0.9, share: 0.2 }],
  },
  {
    ...usual,
    name: 'seed-death',
    title: '200 peers, one of two seeds dies before the content is out',
    peers: 200,
    seeds: { count: 2, speed: 1, startMs: 300 },
    origin: 1,
    faults: [{ type: 'seedDeath', at: 0.4 }],
  },
  {
    ...usual,
    name: 'cold-n10000',
    title: '10,000 peers, nothing is there; the seed starts after 300 ms; 64 pieces of 16 MiB',
    peers: 10_000,
    pieceCount: 64,
    pieceBytes: 16 * MIB,
    seeds: { count: 1, speed: 1, startMs: 300 },
    origin: 1,
  },
  {
    ...usual,
    name: 'kraken',
    title: 'the case that Kraken publishes: 3 GB to 2,600 hosts that are capped at 300 MB/s',
    peers: 2600,
    pieceCount: 750,
    pieceBytes: 4_000_000,
    nicBytesPerSec: 300_000_000,
    seeds: { count: 3, speed: 1 },
  },
]

export const findScenario = (name: string): Scenario | undefined =>
  scenarios.find((scenario) => scenario.name === name)
