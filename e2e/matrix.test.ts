import { expect, test } from 'vitest'
import { matrix } from './matrix.ts'

test('the matrix has a row a scenario and a column a size', () => {
  const result = (title: string, status: string, duration: number) => ({
    ancestorTitles: ['', 'Go scheduler'],
    title,
    status,
    duration,
  })
  const report = {
    testResults: [
      {
        assertionResults: [
          result('ours from Rust [5 MiB]', 'passed', 1234),
          result('ours from Rust [2.2 GiB]', 'failed', 9000),
          result('leaves cleanly', 'passed', 10),
        ],
      },
    ],
  }
  expect(matrix(JSON.stringify(report)).trimEnd().split('\n')).toEqual([
    'scenario                      5 MiB    2.2 GiB  any',
    'Go scheduler: ours from Rust  ok 1.2s  failed   -',
    'Go scheduler: leaves cleanly  -        -        ok 0.0s',
  ])
})
