// The certificates of a PEM file.
import { X509Certificate } from 'node:crypto'

/** In their order. Throws for one that is damaged. */
export function parseCertificates(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}
