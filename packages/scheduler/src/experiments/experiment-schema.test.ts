import { describe, expect, it } from 'vitest'
import { parseExperiment } from './experiment-schema.ts'

const spec = { name: 'four-in-flight', candidates: [{ name: 'four', client: { concurrency: 4 } }] }

describe('parseExperiment', () => {
  it('puts the control first and completes the rest', () => {
    expect(parseExperiment(spec)).toEqual({
      name: 'four-in-flight',
      salt: 'four-in-flight',
      arms: [
        { name: 'control', client: {}, weight: 1 },
        { name: 'four', client: { concurrency: 4 }, weight: 1 },
      ],
      minPeers: 20,
      maxSwarmsPerArm: 5_000,
      margins: {},
    })
  })

  it('takes policies with numbers', () => {
    const policy = { name: 'two-choices', params: { sampleSize: 2 } }
    const { arms } = parseExperiment({ ...spec, candidates: [{ name: 'two', policy }] })
    expect(arms[1]).toEqual({ name: 'two', policy, client: {}, weight: 1 })
  })

  it.each<[string, unknown, string]>([
    ['no candidate', { name: 'x', candidates: [] }, 'candidates'],
    ['a candidate called control', { ...spec, candidates: [{ name: 'control' }] }, 'exists today'],
    ['the same name twice', { ...spec, candidates: [{ name: 'a' }, { name: 'a' }] }, 'same name'],
    ['a parameter nobody knows', { ...spec, candidates: [{ name: 'a', client: { x: 1 } }] }, '"x"'],
    ['a guardrail nobody knows', { ...spec, margins: { x: 1 } }, '"x"'],
    ['no weight', { ...spec, controlWeight: 0 }, 'controlWeight'],
    ['a name that is none', { ...spec, name: 'Ä' }, 'lower-case'],
    ['nothing', undefined, 'not valid'],
  ])('refuses %s', (_, given, message) => {
    expect(() => parseExperiment(given)).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        message: expect.stringContaining(message),
      }),
    )
  })
})
