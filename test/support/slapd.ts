// A real OpenLDAP server of its own for a test: on loopback, with people and groups, to be frozen and killed at will.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeCertificate } from './certificates.ts'
import { freePort } from './port.ts'
import { startProcess, type RunningProcess } from './process.ts'
import { searchPath } from './programs.ts'
import { temporaryFolder, type Scope } from './scope.ts'

export const LDAP_BASE = 'dc=example,dc=com'
/** Who may search. */
export const LDAP_READER = { dn: `cn=reader,${LDAP_BASE}`, password: 'reader-secret' }

export interface Slapd {
  /** `ldap://127.0.0.1:<port>`; offers StartTLS. */
  readonly url: string
  /** `ldaps://127.0.0.1:<port>`. */
  readonly secureUrl: string
  /** Path of the PEM certificate that clients trust as a CA, and its text. */
  readonly caFile: string
  readonly ca: string
  /** Stops it from answering: connections stay open, requests hang. */
  freeze(): void
  thaw(): void
  /** Ends it at once; connections break, later ones are refused. */
  kill(): Promise<void>
  /** Starts it again on the same ports, with what it held. */
  restart(): Promise<void>
  /** What it says of connections and requests since it was started last. */
  log(): string
  /** How many connections were encrypted by StartTLS. */
  upgrades(): number
}

export interface SlapdOptions {
  /** Passwords by name (`uid`, and `cn`), below `ou=people`. */
  readonly people: Readonly<Record<string, string>>
  /** Members by name, below `ou=groups`. */
  readonly groups?: Readonly<Record<string, readonly string[]>>
}

/** Starts slapd. It is gone when `t` ends. */
export async function startSlapd(t: Scope, options: SlapdOptions): Promise<Slapd> {
  const [folder, certificate] = [await temporaryFolder(t), await makeCertificate(t)]
  const [port, securePort] = [await freePort(), await freePort()]
  const config = join(folder, 'slapd.conf')
  await mkdir(join(folder, 'data'))
  await writeFile(config, configText(folder, certificate))
  await writeFile(join(folder, 'data.ldif'), ldifText(options))
  const add = ['-f', config, '-l', join(folder, 'data.ldif')]
  await promisify(execFile)('slapadd', add, { env: { ...process.env, PATH: searchPath() } })
  const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${securePort}/`
  const start = (): Promise<RunningProcess> =>
    startProcess(t, 'slapd', {
      // `stats` names every connection and request on standard error.
      args: ['-h', urls, '-f', config, '-d', 'stats'],
      ready: () => isListening(port),
    })
  let server = await start()
  return {
    url: `ldap://127.0.0.1:${port}`,
    secureUrl: `ldaps://127.0.0.1:${securePort}`,
    caFile: certificate.certificate,
    ca: certificate.ca,
    freeze: () => server.signal('SIGSTOP'),
    thaw: () => server.signal('SIGCONT'),
    kill: async () => void (await server.kill()),
    restart: async () => {
      await server.kill()
      server = await start()
    },
    log: () => server.log(),
    upgrades: () => server.log().match(/ STARTTLS$/gm)?.length ?? 0,
  }
}

/** The password of somebody with any text, and of a group: LDIF and DNs have their own ways with special characters. */
function ldifText({ people, groups = {} }: SlapdOptions): string {
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const entry = (dn: string, ...lines: string[]): string => [`dn:: ${base64(dn)}`, ...lines, ''].join('\n')
  const unit = (name: string): string => entry(`ou=${name},${LDAP_BASE}`, 'objectClass: organizationalUnit')
  return [
    entry(LDAP_BASE, 'objectClass: dcObject', 'objectClass: organization', 'o: Example'),
    entry(
      LDAP_READER.dn,
      'objectClass: organizationalRole',
      'objectClass: simpleSecurityObject',
      `userPassword: ${LDAP_READER.password}`,
    ),
    unit('people'),
    unit('groups'),
    ...Object.entries(people).map(([name, password]) =>
      entry(
        personDn(name),
        'objectClass: inetOrgPerson',
        `uid:: ${base64(name)}`,
        `cn:: ${base64(name)}`,
        `sn:: ${base64(name)}`,
        ...Object.entries(groups)
          .filter(([, members]) => members.includes(name))
          .map(([group]) => `memberOf:: ${base64(groupDn(group))}`),
        ...(password === '' ? [] : [`userPassword:: ${base64(password)}`]),
      ),
    ),
    ...Object.entries(groups).map(([name, members]) =>
      entry(
        groupDn(name),
        'objectClass: groupOfNames',
        `cn:: ${base64(name)}`,
        ...members.map((member) => `member:: ${base64(personDn(member))}`),
      ),
    ),
  ].join('\n')
}

function personDn(name: string): string {
  return `cn=${escapeDn(name)},ou=people,${LDAP_BASE}`
}

function groupDn(name: string): string {
  return `cn=${escapeDn(name)},ou=groups,${LDAP_BASE}`
}

/** RFC 4514 §2.4, with every special character as hexadecimal. */
function escapeDn(value: string): string {
  return value.replace(
    /["+,;<>\\=#\0]|^ | $/g,
    (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}

function configText(folder: string, { certificate, key }: { certificate: string; key: string }): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile ${folder}/slapd.pid
TLSCertificateFile ${certificate}
TLSCertificateKeyFile ${key}
# As many servers are set up against all advice: a name without a password is let in, as nobody.
allow bind_anon_dn
database mdb
suffix ${LDAP_BASE}
directory ${folder}/data
maxsize 10485760
index uid eq
access to attrs=userPassword by anonymous auth
access to * by dn.exact="${LDAP_READER.dn}" read
`
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
