import { expect, test } from 'vitest'
import { cutPower, cutVariants } from './power-cut/power-cut.ts'

const cuts = 40

test.each(cutVariants)(
  'after a power cut a %s store serves no wrong byte and has what it promised',
  async (mode) => {
    const failures: string[] = []
    for (let seed = 1; seed <= cuts; seed++) {
      await cutPower(seed, mode).catch((error) => failures.push(`seed ${seed}: ${error.message}`))
    }
    expect(failures).toEqual([])
  },
)
