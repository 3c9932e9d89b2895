import { describe, expect, it } from 'vitest'
import { drawArm } from './draw-arm.ts'
import { anExperiment } from './experiment-fixture.ts'

const swarms = 4_000

function shares(spec: Parameters<typeof anExperiment>[0]): Record<string, number> {
  const experiment = anExperiment(spec)
  const counts: Record<string, number> = {}
  for (let index = 0; index < swarms; index++) {
    const { name } = drawArm(experiment, `task-${index}`, 1_000)
    counts[name] = (counts[name] ?? 0) + 1 / swarms
  }
  return counts
}

describe('drawArm', () => {
  it('gives each arm its share', () => {
    // Three standard deviations of 4,000 throws are 0.024 at a half.
    expect(shares({}).new).toBeCloseTo(0.5, 1)
    const { control, a, b } = shares({
      controlWeight: 6,
      candidates: [{ name: 'a', weight: 3 }, { name: 'b' }],
    })
    expect(control).toBeCloseTo(0.6, 1)
    expect(a).toBeCloseTo(0.3, 1)
    expect(b).toBeCloseTo(0.1, 1)
  })

  it('says the same of the same swarm, and draws one that is born again anew', () => {
    const experiment = anExperiment()
    const draw = (bornAt: number) => drawArm(experiment, 'task', bornAt).name
    expect(draw(5)).toBe(draw(5))
    expect(new Set(Array.from({ length: 20 }, (_, index) => draw(index))).size).toBe(2)
  })

  it('splits differently with another salt', () => {
    const [one, other] = [anExperiment({ salt: 'one' }), anExperiment({ salt: 'other' })]
    let same = 0
    for (let index = 0; index < swarms; index++) {
      const task = `task-${index}`
      if (drawArm(one, task, 0).name === drawArm(other, task, 0).name) same += 1 / swarms
    }
    expect(same).toBeCloseTo(0.5, 1)
  })
})
