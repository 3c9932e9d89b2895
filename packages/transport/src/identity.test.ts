import { createHash, X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { makePeerIdentity } from './identity.ts'

test('a certificate is signed by its own key and known by its fingerprint', async () => {
  const { cert, fingerprint } = await makePeerIdentity()
  const certificate = new X509Certificate(cert)
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.publicKey.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' })
  expect(certificate.subject).toBe('CN=damselfly')
  expect(certificate.fingerprint256.replaceAll(':', '').toLowerCase()).toBe(fingerprint)
  expect(createHash('sha256').update(certificate.raw).digest('hex')).toBe(fingerprint)
})

test('each one is another', async () => {
  const identities = await Promise.all(Array.from({ length: 20 }, makePeerIdentity))
  expect(new Set(identities.map(({ fingerprint }) => fingerprint)).size).toBe(20)
  for (const { cert } of identities) {
    const certificate = new X509Certificate(cert)
    expect(certificate.verify(certificate.publicKey)).toBe(true)
  }
})
