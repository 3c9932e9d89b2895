import { createHash, webcrypto } from 'node:crypto'
import type { PeerIdentity } from './secure.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
/** Peers look at the fingerprint only, never at a date: their clocks may differ. */
const notBefore = new Date('2020-01-01T00:00:00Z')
const notAfter = new Date('2120-01-01T00:00:00Z')

/** Makes a new key (ECDSA P-256) and a certificate for it that it signs itself. */
export async function makePeerIdentity(): Promise<PeerIdentity> {
  const { X509CertificateGenerator } = await import('./certificates.ts')
  const usages: webcrypto.KeyUsage[] = ['sign', 'verify']
  const keys = await webcrypto.subtle.generateKey(algorithm, true, usages)
  const certificate = await X509CertificateGenerator.createSelfSigned(
    { name: 'CN=damselfly', notBefore, notAfter, signingAlgorithm: algorithm, keys },
    webcrypto as NonNullable<Parameters<typeof X509CertificateGenerator.createSelfSigned>[1]>,
  )
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return {
    cert: certificate.toString('pem'),
    key: pem('PRIVATE KEY', new Uint8Array(pkcs8)),
    fingerprint: createHash('sha256').update(new Uint8Array(certificate.rawData)).digest('hex'),
  }
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}
