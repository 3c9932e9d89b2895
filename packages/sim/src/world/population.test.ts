import { describe, expect, test } from 'vitest'
import type { Scenario } from '../scenarios/scenario.ts'
import { findScenario } from '../scenarios/scenarios.ts'
import { boundOf, populate } from './population.ts'

const scenario = (name: string): Scenario => findScenario(name) as Scenario
/** 1 GiB over 1 Gbit/s. */
const copyMs = 8589.934592

describe('the bound', () => {
  test.each([
    ['n1000', 1],
    ['mixed-undeclared', 1],
    ['stragglers', 1],
    ['cold-seeds3', 1],
    ['racks4', 1],
  ])('of %s is %d copy', (name, copies) => {
    expect(boundOf(scenario(name))).toBeCloseTo(copies * copyMs, 3)
  })

  test('is what all uplinks carry together when these are narrow', () => {
    const narrow = { ...scenario('n100'), uplinks: [{ share: 1, factor: 0.5 }] }
    expect(boundOf(narrow)).toBeCloseTo((100 / 51) * copyMs, 3)
  })

  test('is what the origin gives when that is little', () => {
    expect(boundOf({ ...scenario('cold-0'), origin: 0.25 })).toBeCloseTo(4 * copyMs, 3)
  })

  test('is what a rack lets in when that is little', () => {
    const racks = { count: 500, oversubscription: 8 }
    expect(boundOf({ ...scenario('racks8'), racks })).toBeCloseTo(4 * copyMs, 3)
  })

  test("of Kraken's case is ten seconds", () => {
    expect(boundOf(scenario('kraken'))).toBeCloseTo(10_000, 3)
  })
})

test('hosts are drawn from the seed alone', () => {
  const { hosts, firstPeer } = populate(scenario('mixed-undeclared'), 5)
  expect(populate(scenario('mixed-undeclared'), 5).hosts).toEqual(hosts)
  const peers = hosts.slice(firstPeer)
  const count = (uplink: number) => peers.filter((host) => host.uplink === uplink).length
  expect([31_250_000, 125_000_000, 250_000_000].map(count)).toEqual([400, 300, 300])
  expect(new Set(peers.map(({ declaredUplink }) => declaredUplink))).toEqual(new Set([125_000_000]))
})
