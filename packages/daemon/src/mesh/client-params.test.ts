import { create } from '@bufbuild/protobuf'
import { ClientParamsSchema } from '@damselfly/api/swarm'
import { expect, test } from 'vitest'
import { defaultClientParams } from '../swarm/index.ts'
import { toClientParams } from './client-params.ts'

test('what the scheduler wants is taken over', () => {
  const wanted = {
    concurrency: 5,
    maxConcurrency: 9,
    window: 32,
    farGraceMs: 700,
    hedgeFactor: 3,
    stallMs: 2_000,
    starvedMs: 400,
    meanUplink: 1e9,
  }
  expect(toClientParams(create(ClientParamsSchema, wanted), 1_000)).toEqual(wanted)
})

test('what means nothing is the default', () => {
  const odd = {
    concurrency: 1_000_000,
    hedgeFactor: Number.NaN,
    meanUplink: Number.POSITIVE_INFINITY,
    starvedMs: 4_294_967_295,
  }
  expect(toClientParams(create(ClientParamsSchema, odd), 1_000)).toEqual(defaultClientParams(1_000))
})

test('signs of life come often enough for the time after which a neighbour is given up', () => {
  expect(toClientParams(create(ClientParamsSchema, { stallMs: 10 }), 10).stallMs).toBe(1_000)
})
