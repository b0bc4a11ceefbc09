import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { createNaming } from '../../src/access/naming.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { formatScope } from '../../src/oci/scope.ts'
import { read, startServer, type TokenServer } from './token-server.ts'

/** A gateway that mirrors Docker Hub, on a host of its own where names come without the namespace. */
function startMirror(t: TestContext): Promise<TokenServer> {
  const naming = createNaming({
    namespaces: ['docker.io'],
    defaultNamespaces: new Map([['mirror.lan', 'docker.io']]),
  })
  return startServer(t, {
    policy: createPolicy({ grants: [{ repositories: ['docker.io/**', 'library/*'], pull: ['$anonymous'] }] }),
    canonicalName: (req, name) => naming.canonical({ name, host: req.headers.host }),
  })
}

const pull = (name: string): object => ({ type: 'repository', name, actions: ['pull'] })
const mirror = { headers: { Host: 'mirror.lan:5000' } }

test('a scope means the repository that its name means on the host that was asked', async (t) => {
  const { ask, issues } = await startMirror(t)
  const path = '/token?scope=repository:library/alpine:pull'
  assert.deepEqual(read(await ask(path, mirror)).access, [pull('docker.io/library/alpine')])
  assert.deepEqual(read(await ask(path)).access, [pull('library/alpine')])
  const short = await ask('/token?scope=repository:alpine:pull', mirror)
  assert.deepEqual(read(short).access, [pull('docker.io/library/alpine')])
  assert.deepEqual(issues[0]?.scopes.map(formatScope), ['repository:docker.io/library/alpine:pull'])
})

test('grants decide on the canonical name, not on the one that was written', async (t) => {
  const { ask } = await startServer(t, {
    policy: createPolicy({ grants: [{ repositories: ['library/*'], pull: ['$anonymous'] }] }),
    canonicalName: () => parseRepositoryName('secret/alpine') ?? assert.fail('not a name'),
  })
  assert.deepEqual(read(await ask('/token?scope=repository:library/alpine:pull')).access, [])
})

test('a scope with a name that means nothing here asks for nothing, and the others are served', async (t) => {
  const { ask } = await startMirror(t)
  // With its namespace in front this name is longer than a name may be.
  const unknown = `scope=repository:${'a'.repeat(250)}:pull`
  const query = `${unknown}&scope=repository:library/alpine:pull&scope=registry:catalog:*`
  const { access } = read(await ask(`/token?${query}`, mirror))
  assert.deepEqual(access, [pull('docker.io/library/alpine')])
})
