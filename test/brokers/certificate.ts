import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface Certificate {
  /** PKCS #12 with key and certificate. */
  readonly keystore: string
  readonly password: string
  /** PEM of the certificate, which is its own authority. */
  readonly pem: string
}

/** A certificate for 127.0.0.1 that lasts two days, made by the JDK's keytool. */
export async function makeCertificate(folder: string, name: string): Promise<Certificate> {
  const keystore = join(folder, `${name}.p12`)
  const pem = join(folder, `${name}.pem`)
  const password = 'only-for-this-test'
  const store = [
    '-keystore',
    keystore,
    '-storetype',
    'PKCS12',
    '-storepass',
    password,
    '-alias',
    'server',
  ]
  const key = ['-keyalg', 'RSA', '-keysize', '2048', '-validity', '2', '-dname', `CN=${name}`]
  const keytool = promisify(execFile)
  await keytool('keytool', [
    '-genkeypair',
    ...store,
    ...key,
    '-ext',
    'SAN=IP:127.0.0.1',
    '-ext',
    'BC=ca:true',
  ])
  await keytool('keytool', ['-exportcert', '-rfc', '-file', pem, ...store])
  return { keystore, password, pem }
}
