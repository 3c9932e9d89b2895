// The library wants the polyfill to be there first. A megabyte of code: import this only where a certificate is made.
import 'reflect-metadata'

export { X509CertificateGenerator } from '@peculiar/x509'
