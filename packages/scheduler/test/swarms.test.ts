import { expect, test } from 'vitest'
import { AnnouncedPeer, connect, host, start } from './scheduler-fixture.ts'

const metrics = { enable: true, addr: '127.0.0.1:0' }

test('swarms are listed, and one is told in full: columns, edges, decisions', async () => {
  await using scheduler = await start({ metrics })
  using clients = connect(scheduler)
  for (const id of ['a', 'b']) await clients.scheduler.announceHost(host(id))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  await a.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  await b.answer()
  const { host: ip, port } = scheduler.metricsEndpoint!
  const get = (path: string) => fetch(`http://${ip}:${port}${path}`)
  expect(await (await get('/swarms')).json()).toMatchObject({
    swarms: [{ taskId: 'task', peers: 2, expecting: 1, waiting: 0, pieceCount: 2 }],
  })
  expect(await (await get('/swarms/task')).json()).toMatchObject({
    taskId: 'task',
    leases: [{ host: 'a', peer: 'a/1', isStarted: true }],
    peers: [
      { id: 'a/1', state: 'BackToSource', children: 1, parents: [] },
      { id: 'b/1', state: 'ReceivedNormal', parents: ['a/1'] },
    ],
    originOrders: [{ hostId: 'a', isSeed: false, interval: { first: 0, end: 2 } }],
    decisions: [
      {
        child: 'b/1',
        parents: [{ peerId: 'a/1', load: 0, have: 0, score: { usefulness: 0.5, health: 1 } }],
        others: [],
      },
    ],
  })
  expect((await get('/swarms/other')).status).toBe(404)
  const text = await (await get('/metrics')).text()
  for (const line of [
    'sched_decisions_total{policy="default",arm="none",result="normal"} 1',
    'sched_decisions_total{policy="default",arm="none",result="needBackToSource"} 1',
    'sched_peers{state="BackToSource"} 1',
    'sched_tasks 1',
    'sched_hosts{kind="peer"} 2',
    'sched_origin_leases{state="started"} 1',
    'sched_assign_wait_seconds_count 2',
    'swarm_piece_min_copies 0',
    'swarm_useful_parent_ratio 0',
  ]) {
    expect(text).toContain(line)
  }
})

test('a policy that does not exist, or that nobody pinned, stops the start', async () => {
  const policy = { name: 'nothing' }
  await expect(start({ scheduler: { policy } })).rejects.toMatchObject({ code: 'InvalidConfig' })
  const digest = '0'.repeat(64)
  const plugIn = { name: 'mine', directory: '/nowhere', digest }
  await expect(start({ scheduler: { policy: plugIn } })).rejects.toMatchObject({
    code: 'InvalidConfig',
    message: expect.stringContaining('/nowhere/mine.mjs'),
  })
})

test('a policy is chosen with parameters', async () => {
  const policy = { name: 'two-choices', params: {} }
  await using scheduler = await start({ scheduler: { policy } })
  expect(scheduler.core.state.policy.name).toBe('two-choices')
})
