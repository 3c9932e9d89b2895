import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import type { PeerIdentity } from './secure.ts'

/*
 * A certificate of a fixed shape (RFC 5280) is a dozen nested values; a library for it would be larger than this protocol.
 * Nobody looks at anything but its key and its hash, so neither the name nor the dates mean anything (peers' clocks differ).
 */

const tag = {
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  version: 0xa0,
} as const

const commonName = Buffer.from([0x55, 0x04, 0x03])
/** 1.2.840.10045.4.3.2 */
const ecdsaWithSha256 = Buffer.from([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])
const version3 = Buffer.from([tag.integer, 1, 2])

/** Makes a new key (ECDSA P-256) and a certificate for it that it signs itself. */
export function makePeerIdentity(): PeerIdentity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const body = certificateBody(spki)
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', body, privateKey)])
  const certificate = der(
    tag.sequence,
    body,
    der(tag.sequence, der(tag.oid, ecdsaWithSha256)),
    der(tag.bitString, signature),
  )
  return {
    cert: pem('CERTIFICATE', certificate),
    key: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    fingerprint: createHash('sha256').update(certificate).digest('hex'),
  }
}

/** What is signed. `spki` is the public key with its algorithm. */
function certificateBody(spki: Uint8Array): Buffer {
  const name = der(
    tag.sequence,
    der(
      tag.set,
      der(tag.sequence, der(tag.oid, commonName), der(tag.utf8String, Buffer.from('damselfly'))),
    ),
  )
  const serial = randomBytes(16)
  // Positive, and not shorter than it looks.
  serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f)
  return der(
    tag.sequence,
    der(tag.version, version3),
    der(tag.integer, serial),
    der(tag.sequence, der(tag.oid, ecdsaWithSha256)),
    name,
    der(
      tag.sequence,
      der(tag.utcTime, Buffer.from('200101000000Z')),
      der(tag.generalizedTime, Buffer.from('99991231235959Z')),
    ),
    name,
    Buffer.from(spki),
  )
}

/** One value: tag, length, content. */
function der(type: number, ...content: Uint8Array[]): Buffer {
  const body = Buffer.concat(content)
  const { byteLength } = body
  const length =
    byteLength < 0x80
      ? [byteLength]
      : byteLength < 0x100
        ? [0x81, byteLength]
        : [0x82, byteLength >> 8, byteLength & 0xff]
  return Buffer.concat([Buffer.from([type, ...length]), body])
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
