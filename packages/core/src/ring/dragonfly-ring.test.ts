import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { asTaskId } from '../ids/brands.ts'
import { DragonflyRing, socketAddressHash, stringHash } from './dragonfly-ring.ts'
import { sipHash24 } from './sip-hash.ts'

const task = asTaskId('5844f27a257287e9b734256bb25603d8005422ced8c0377f15063ec11963b25f')

describe('socketAddressHash', () => {
  // interop.md 2.4
  it.each([
    ['10.0.0.1:8002', 0x9948a09af7ec8deen, 0x3ac14ab9db5beee7n],
    ['10.0.0.2:8002', 0x3c5a35daa4177512n, 0x70ad2fca89bc8c4an],
    ['127.0.0.1:8002', 0x2c30ce45aaaf7546n, 0x5a19194ee1944454n],
  ])('of %s agrees with Rust, current and older', (node, raw, prefixed) => {
    expect(socketAddressHash(node, 'raw-octets')).toBe(raw)
    expect(socketAddressHash(node, 'length-prefixed')).toBe(prefixed)
  })

  it('feeds IPv6 as variant, octets, port, flow information and scope', () => {
    const octets = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x0f]
    const variant = [1, 0, 0, 0, 0, 0, 0, 0]
    const rest = [0x42, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0]
    const node = '[2001:db8::f]:8002'
    expect(socketAddressHash(node, 'raw-octets')).toBe(
      sipHash24(Uint8Array.from([...variant, ...octets, ...rest])),
    )
    expect(socketAddressHash(node, 'length-prefixed')).toBe(
      sipHash24(Uint8Array.from([...variant, 16, 0, 0, 0, 0, 0, 0, 0, ...octets, ...rest])),
    )
  })

  it.each([
    ['[2001:DB8:0:0::f]:8002', '[2001:db8::f]:8002'],
    ['[::ffff:10.0.0.1]:1', '[0:0:0:0:0:ffff:a00:1]:1'],
    ['[::]:1', '[0:0:0:0:0:0:0:0]:1'],
    ['[1::]:1', '[1:0:0:0:0:0:0:0]:1'],
  ])('knows that %s is %s', (one, other) => {
    expect(socketAddressHash(one, 'raw-octets')).toBe(socketAddressHash(other, 'raw-octets'))
  })
})

it('hashes a lookup key as Rust does', () => {
  expect(stringHash('5844f')).toBe(0xefec496e8810c73an)
})

describe('DragonflyRing', () => {
  const nodes = ['10.0.0.1:8002', '10.0.0.2:8002', '127.0.0.1:8002']

  it('starts over when the key lies behind the last node', () => {
    // The key's hash, efec..., is greater than all: the least point is next.
    expect(new DragonflyRing(nodes, 'raw-octets').pick(task)).toBe('127.0.0.1:8002')
    expect(new DragonflyRing(nodes, 'length-prefixed').pick(task)).toBe('10.0.0.1:8002')
  })

  it('picks the first node at or after the key', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9a-f]{64}$/), (id) => {
        const key = stringHash(id.slice(0, 5))
        const points = nodes.map((node) => ({ node, at: socketAddressHash(node, 'raw-octets') }))
        const distance = (at: bigint): bigint => BigInt.asUintN(64, at - key)
        points.sort((a, b) => (distance(a.at) < distance(b.at) ? -1 : 1))
        expect(new DragonflyRing(nodes, 'raw-octets').pick(asTaskId(id))).toBe(points[0]!.node)
      }),
    )
  })

  it('looks at the first five characters only', () => {
    const ring = new DragonflyRing(nodes, 'raw-octets')
    expect(ring.pick(asTaskId(`5844f${'0'.repeat(59)}`))).toBe(ring.pick(task))
    expect(ring.pick(asTaskId('5844f'))).toBe(ring.pick(task))
  })

  it('does not depend on the order of the nodes', () => {
    fc.assert(
      fc.property(
        fc.shuffledSubarray(nodes, { minLength: 3 }),
        fc.stringMatching(/^[0-9a-f]{5}$/),
        (shuffled, id) => {
          const pick = new DragonflyRing(shuffled, 'raw-octets').pick(asTaskId(id))
          expect(pick).toBe(new DragonflyRing(nodes, 'raw-octets').pick(asTaskId(id)))
        },
      ),
    )
  })

  it('refuses to be empty', () => {
    expect(() => new DragonflyRing([], 'raw-octets')).toThrow('needs a node')
  })

  it.each([
    'scheduler:8002',
    '10.0.0.1',
    '10.0.0.1:65536',
    '10.0.0.256:1',
    '::1:8002',
    '[::g]:1',
    '[fe80::1%eth0]:1',
    '[10.0.0.1]:1',
    '',
  ])('refuses the node "%s"', (node) => {
    expect(() => new DragonflyRing([node], 'raw-octets')).toThrow('is not of the form ip:port')
  })
})
