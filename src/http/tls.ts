/** The certificate that HTTPS is served with, read and checked before anything listens. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AppError } from '../core/errors.js'

export interface TlsFiles {
  /** PEM: the server's certificate, then those that lead to a root. */
  certFile: string
  /** PEM, without a passphrase. */
  keyFile: string
}

export interface Tls {
  cert: Buffer
  key: Buffer
}

/** Rejects with one sentence that names the variable whose file is wrong. */
export async function readTls({ certFile, keyFile }: TlsFiles): Promise<Tls> {
  const [cert, key] = await Promise.all([read('TLS_CERT_FILE', certFile), read('TLS_KEY_FILE', keyFile)])
  const certificate = parse('TLS_CERT_FILE', certFile, 'a certificate in PEM', () => new X509Certificate(cert))
  const privateKey = parse('TLS_KEY_FILE', keyFile, 'a private key in PEM without a passphrase', () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new AppError('invalid', `TLS_KEY_FILE ${keyFile} is not the key of TLS_CERT_FILE ${certFile}`)
  }
  return { cert, key }
}

async function read(variable: string, file: string): Promise<Buffer> {
  try {
    return await readFile(file)
  } catch (cause) {
    const { code = 'unknown' } = cause as { code?: string }
    throw new AppError('invalid', `${variable} ${file} can’t be read (${code})`, { cause })
  }
}

function parse<T>(variable: string, file: string, what: string, make: () => T): T {
  try {
    return make()
  } catch (cause) {
    throw new AppError('invalid', `${variable} ${file} is not ${what}`, { cause })
  }
}
