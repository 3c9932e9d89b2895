import { Health } from '@damselfly/api/health'
import { type DfError, silentLog } from '@damselfly/core'
import { FakeClock } from '@damselfly/core/testing'
import { openBidi, openChannel } from '@damselfly/rpc'
import { expect, test } from 'vitest'
import { AnnouncedPeer, connect, host, MIB, piece, start } from './scheduler-fixture.ts'

test('health answers for the server and the service', async () => {
  await using scheduler = await start()
  using channel = openChannel(scheduler.endpoint)
  for (const service of ['', 'scheduler.v2.Scheduler']) {
    expect(await channel.client(Health).check({ service })).toMatchObject({ status: 1 })
  }
})

test('hosts are announced, listed by type and deleted', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('s', { type: 1 }))
  const ids = async (type?: number) => {
    const { hosts } = await clients.scheduler.listHosts(type === undefined ? {} : { type })
    return hosts.map(({ id }) => id).sort()
  }
  expect(await ids()).toEqual(['a', 's'])
  expect(await ids(1)).toEqual(['s'])
  await clients.scheduler.deleteHost({ hostId: 'a' })
  await clients.scheduler.deleteHost({ hostId: 'a' })
  expect(await ids()).toEqual(['s'])
})

test.each([
  ['no host', { host: undefined }],
  ['a host name instead of an address', { ...host('a'), host: { ...host('a').host, ip: 'x' } }],
  ['no port', { ...host('a'), host: { ...host('a').host, port: 0 } }],
  ['an unknown type', { ...host('a'), host: { ...host('a').host, type: 9 } }],
  ['no id', { ...host('a'), host: { ...host('a').host, id: '' } }],
])('an announcement with %s is refused', async (_, request) => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await expect(clients.scheduler.announceHost(request)).rejects.toMatchObject({
    code: 'InvalidArgument',
  })
})

test('what is not known is NotFound, what is not served is Unimplemented', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const client = clients.scheduler
  await expect(client.statTask({ taskId: 'x' })).rejects.toMatchObject({ code: 'TaskNotFound' })
  await expect(client.statPeer({ peerId: 'x' })).rejects.toMatchObject({ code: 'PeerNotFound' })
  await expect(client.deletePeer({ peerId: 'x' })).rejects.toMatchObject({ code: 'PeerNotFound' })
  await expect(client.deleteTask({ hostId: 'x', taskId: 'y' })).rejects.toMatchObject({
    code: 'HostNotFound',
  })
  await expect(client.statFile({ url: 'http://x/' })).rejects.toMatchObject({
    code: 'Unimplemented',
  })
})

test('a deleted task and a deleted peer end their streams', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const first = new AnnouncedPeer(clients, 'a/1')
  await first.register()
  await first.answer()
  await clients.scheduler.deleteTask({ hostId: 'a', taskId: 'task' })
  await expect(first.answer()).rejects.toMatchObject({ code: 'TaskNotFound' })
  const second = new AnnouncedPeer(clients, 'a/2')
  await second.register()
  await second.answer()
  await clients.scheduler.deletePeer({ hostId: 'a', taskId: 'task', peerId: 'a/2' })
  await expect(second.answer()).rejects.toMatchObject({ code: 'PeerNotFound' })
})

test('the length of a task is asked of the origin once', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  const ask = async () => {
    const call = openBidi(clients.swarm.resolveTask)
    await call.send({ request: { case: 'ask', value: { taskId: 'task', hostId: 'a' } } } as never)
    return { call, responses: call.responses[Symbol.asyncIterator]() }
  }
  const first = await ask()
  expect((await first.responses.next()).value?.response.case).toBe('elected')
  const second = await ask()
  const third = await ask()
  first.call.abort()
  const winner = await Promise.race([
    second.responses.next().then((r) => ({ r, call: second.call, other: third.responses })),
    third.responses.next().then((r) => ({ r, call: third.call, other: second.responses })),
  ])
  expect(winner.r.value?.response.case).toBe('elected')
  const found = { contentLength: 7n, responseHeader: { etag: '"x"' } }
  await winner.call.send({ request: { case: 'found', value: found } } as never)
  expect(scheduler.metrics).toBeDefined()
  const fourth = await ask()
  expect((await fourth.responses.next()).value?.response).toMatchObject({
    case: 'known',
    value: found,
  })
  expect((await fourth.responses.next()).done).toBe(true)
})

test('an asker with stale facts ends the downloads of the old content and asks the origin anew', async () => {
  await using scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const ask = async (stale?: object) => {
    const call = openBidi(clients.swarm.resolveTask)
    const value = { taskId: 'task', hostId: 'a', ...(stale === undefined ? {} : { stale }) }
    await call.send({ request: { case: 'ask', value } } as never)
    const responses = call.responses[Symbol.asyncIterator]()
    const find = (found: object) => call.send({ request: { case: 'found', value: found } } as never)
    return { answer: async () => (await responses.next()).value?.response, find }
  }
  const old = { contentLength: BigInt(8 * MIB), responseHeader: { etag: '"1"' } }
  const renewed = { contentLength: BigInt(8 * MIB), responseHeader: { etag: '"2"' } }
  const first = await ask()
  expect((await first.answer())?.case).toBe('elected')
  await first.find(old)
  expect(await first.answer(), 'the scheduler has read it').toBeUndefined()

  const peer = new AnnouncedPeer(clients, 'a/1')
  await peer.register()
  expect((await peer.answer())?.case).toBe('needBackToSourceResponse')
  const second = await ask(old)
  expect((await second.answer())?.case).toBe('elected')
  await expect(peer.answer()).rejects.toMatchObject({
    code: 'SourceChanged',
    retryable: true,
    message: expect.stringContaining('The content changed at the origin'),
  })
  const third = await ask(old)
  await second.find(renewed)
  expect(await third.answer()).toMatchObject({ case: 'known', value: renewed })
  const fourth = await ask(old)
  expect(await fourth.answer()).toMatchObject({ case: 'known', value: renewed })
  expect((await clients.scheduler.statTask({ taskId: 'task' })).peerCount).toBe(0)
})

test('metrics have Dragonfly’s names and count what happened', async () => {
  await using scheduler = await start({ metrics: { enable: true, addr: '127.0.0.1:0' } })
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  await a.say({ case: 'downloadPeerBackToSourceStartedRequest', value: {} })
  await a.say({ case: 'downloadPieceBackToSourceFinishedRequest', value: { piece: piece(0) } })
  await a.say({ case: 'downloadPeerBackToSourceFinishedRequest', value: {} })
  await a.answer()
  const { host: ip, port } = scheduler.metricsEndpoint!
  const response = await fetch(`http://${ip}:${port}/metrics`)
  const text = await response.text()
  const labels = 'priority="LEVEL0",task_type="STANDARD",host_type="normal"'
  for (const line of [
    'dragonfly_scheduler_announce_peer_total 1',
    `dragonfly_scheduler_register_peer_total{${labels}} 1`,
    `dragonfly_scheduler_download_peer_back_to_source_started_total{${labels}} 1`,
    `dragonfly_scheduler_download_peer_finished_total{${labels}} 1`,
    'dragonfly_scheduler_download_piece_finished_total{traffic_type="BACK_TO_SOURCE",task_type="STANDARD",host_type="normal"} 1',
    'dragonfly_scheduler_traffic{type="BACK_TO_SOURCE",task_type="STANDARD",host_type="normal"} 4194304',
    'dragonfly_scheduler_concurrent_schedule_total 0',
    'dragonfly_scheduler_decisions_total{result="needBackToSource"} 1',
    'dragonfly_scheduler_hosts 1',
  ]) {
    expect(text).toContain(line)
  }
  for (const name of [
    'announce_host_total',
    'announce_host_failure_total',
    'stat_peer_total',
    'leave_peer_failure_total',
    'stat_task_total',
    'leave_task_total',
    'list_hosts_total',
    'leave_host_total',
    'register_peer_failure_total',
    'download_peer_started_total',
    'download_peer_finished_failure_total',
    'download_peer_back_to_source_started_failure_total',
    'download_peer_back_to_source_finished_failure_total',
    'download_piece_finished_failure_total',
    'download_piece_back_to_source_finished_failure_total',
    'download_peer_duration_milliseconds',
    'schedule_duration_milliseconds',
    'version',
  ]) {
    expect(text).toContain(`# TYPE dragonfly_scheduler_${name} `)
  }
  expect((await fetch(`http://${ip}:${port}/other`)).status).toBe(404)
})

test('a taken port is an error that says so, and nothing keeps running', async () => {
  await using first = await start()
  const { port } = first.endpoint
  const failing = start({
    server: { listenIP: '127.0.0.1', port },
    metrics: { enable: true, addr: '127.0.0.1:0' },
  })
  await expect(failing).rejects.toMatchObject({ code: 'AlreadyRunning' } satisfies Partial<DfError>)
})

test('the driver’s clock moves the core: a lease that is not begun goes to the next peer', async () => {
  const clock = new FakeClock()
  await using scheduler = await start({}, { clock, log: silentLog })
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  await clients.scheduler.announceHost(host('b'))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  const b = new AnnouncedPeer(clients, 'b/1')
  await b.register()
  const answered = b.answer()
  await clients.scheduler.listHosts({})
  await clock.advance(10_000)
  expect((await answered)?.case).toBe('needBackToSourceResponse')
})

test('stopping ends open streams', async () => {
  const scheduler = await start()
  using clients = connect(scheduler)
  await clients.scheduler.announceHost(host('a'))
  const a = new AnnouncedPeer(clients, 'a/1')
  await a.register()
  await a.answer()
  const end = expect(a.answer()).rejects.toThrow()
  await scheduler.stop()
  await end
  await scheduler.closed
})
