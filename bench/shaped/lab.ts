import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Running, startWith } from '@damselfly/core'
import { BenchError } from '../harness/bench.ts'

/** A host of the lab: a network namespace with one shaped link to the hub. */
export interface LabHost {
  readonly ip: string
  /** Before a command: runs it on this host. */
  readonly enter: readonly string[]
}

export interface Lab extends Running {
  readonly hosts: readonly LabHost[]
}

const run = promisify(execFile)
const prefix = 'dfly-lab'
const hub = `${prefix}-hub`
/** The first 10 addresses are the hub's and this process's own. */
const firstHost = 11
const maxHosts = 200
/**
 * As much as the port of a switch keeps, some 20 ms at 100 Mbit/s. The default, a thousand packets of up to 64 KiB, lets TCP fill
 * seconds of queue, behind which every message waits.
 */
const queueBytes = 256 * 1024

/**
 * Hosts behind links of so many Mbit/s in each direction, joined by a bridge: namespaces, veth pairs and HTB. The process itself
 * gets an unshaped link of its own, so that it can ask for their health. Needs root.
 */
export function startLab(megabits: readonly number[]): Promise<Lab> {
  return startWith(async (stack) => {
    if (process.getuid?.() !== 0) {
      throw new BenchError('Network namespaces need root: run this benchmark as root.')
    }
    if (megabits.length > maxHosts) throw new BenchError(`A lab has at most ${maxHosts} hosts.`)
    const names = megabits.map((_, i) => `${prefix}-${i}`)
    await remove([hub, ...names])
    stack.push('namespaces', () => remove([hub, ...names]))
    await ip(['netns', 'add', hub])
    await ip(['-n', hub, 'link', 'add', 'br0', 'type', 'bridge'])
    await ip(['-n', hub, 'link', 'set', 'br0', 'up'])
    await ip(['link', 'add', 'dflylab', 'type', 'veth', 'peer', 'name', 'own', 'netns', hub])
    await ip(['-n', hub, 'link', 'set', 'own', 'master', 'br0', 'up'])
    await ip(['addr', 'add', address(1), 'dev', 'dflylab'])
    await ip(['link', 'set', 'dflylab', 'up'])
    const hosts: LabHost[] = []
    for (const [i, mbit] of megabits.entries()) hosts.push(await addHost(i, mbit))
    return { ...stack.toRunning(), hosts }
  })
}

async function addHost(index: number, mbit: number): Promise<LabHost> {
  const name = `${prefix}-${index}`
  const port = `p${index}`
  await ip(['netns', 'add', name])
  await ip(['-n', name, 'link', 'set', 'lo', 'up'])
  await ip(['link', 'add', port, 'netns', hub, 'type', 'veth', 'peer', 'eth0', 'netns', name])
  await ip(['-n', hub, 'link', 'set', port, 'master', 'br0', 'up'])
  await ip(['-n', name, 'addr', 'add', address(firstHost + index), 'dev', 'eth0'])
  await ip(['-n', name, 'link', 'set', 'eth0', 'up'])
  // Up on the host's own side, down on the hub's.
  await shape(name, 'eth0', mbit)
  await shape(hub, port, mbit)
  return {
    ip: address(firstHost + index).split('/')[0] ?? '',
    enter: ['ip', 'netns', 'exec', name],
  }
}

const address = (last: number): string => `10.77.0.${last}/24`

async function shape(namespace: string, device: string, mbit: number): Promise<void> {
  const tc = (...args: string[]) => ip(['netns', 'exec', namespace, 'tc', ...args])
  await tc(
    'qdisc',
    'add',
    'dev',
    device,
    'root',
    'handle',
    '1:',
    'htb',
    'default',
    '10',
    'r2q',
    '200',
  )
  const rate = ['rate', `${mbit}mbit`, 'burst', '64k', 'cburst', '64k']
  await tc('class', 'add', 'dev', device, 'parent', '1:', 'classid', '1:10', 'htb', ...rate)
  const limit = ['limit', String(queueBytes)]
  await tc('qdisc', 'add', 'dev', device, 'parent', '1:10', 'handle', '10:', 'bfifo', ...limit)
}

async function remove(names: readonly string[]): Promise<void> {
  for (const name of names) await ip(['netns', 'del', name]).catch(() => {})
  await ip(['link', 'del', 'dflylab']).catch(() => {})
}

async function ip(args: readonly string[]): Promise<void> {
  try {
    await run('ip', [...args])
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new BenchError(`${message.trim()}\nThe lab needs iproute2: apt-get install iproute2.`)
  }
}
