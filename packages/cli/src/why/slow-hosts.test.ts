import { expect, test } from 'vitest'
import { slowHosts } from './slow-hosts.ts'

const peer = (
  host: string,
  about: { rate?: number; slowness?: number; failures?: number } = {},
) => ({
  id: `${host}/1`,
  host,
  state: 'Running',
  have: 1,
  rate: 100,
  slowness: 0,
  failures: 0,
  ...about,
})

test('who is slow is said once for each host, with the reasons', () => {
  const peers = [
    peer('a'),
    peer('b', { rate: 40 }),
    peer('c', { slowness: 0.36, failures: 0.2 }),
    peer('c', { slowness: 0.36, failures: 0.2 }),
    peer('d', { slowness: 0.05 }),
  ]
  expect(slowHosts({ peers })).toEqual([
    {
      host: 'c',
      reasons: [
        'its children found it slow (36 % of late)',
        'pieces from it failed (20 % of late)',
      ],
    },
    { host: 'b', reasons: ['its own download runs at 40 % of the median rate'] },
  ])
})
