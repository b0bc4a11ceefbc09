import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { loadConfig } from '../../src/config/load.ts'
import { load, MINIMAL, problems } from './config-folder.ts'

const HUB = 'upstreams: { hub: { url: "https://registry-1.docker.io", namespace: docker.io } }'

test('routes refer to upstreams and stores that exist', async (t) => {
  const yaml = `${HUB}
repositories:
  "a/**": { mirror: hbu, store: mian }
  "b/**": { proxy: constructor }
  "**": { store: other }
stores: { main: { filesystem: { root: data } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:3:13: repositories."a/**".mirror: no upstream "hbu"; did you mean "hub"?',
    'c.yml:3:26: repositories."a/**".store: no store "mian"; did you mean "main"?',
    'c.yml:4:13: repositories."b/**".proxy: no upstream "constructor"',
    'c.yml:5:11: repositories."**".store: no store "other"',
  ])
})

test('a route is of one kind and has no key of another', async (t) => {
  const yaml = `${HUB}
repositories:
  "a/**": { mirror: hub }
  "b/**": { mirror: hub, proxy: hub, store: cache }
  "c/**": { proxy: hub, store: main, tagTtl: 1d }
  "d/**": { store: main, tagTtl: 1d, asOf: 2026-10-01, rewrite: x }
  "**": {}
stores: { main: { filesystem: { root: data } }, cache: { filesystem: { root: cache } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:3:3: repositories."a/**": a mirror needs a store for what it fetches',
    'c.yml:4:26: repositories."b/**".proxy: a repository is either mirrored or proxied',
    'c.yml:5:25: repositories."c/**".store: a proxied repository is kept by its upstream; leave store out',
    'c.yml:5:38: repositories."c/**".tagTtl: tagTtl is for mirrors',
    'c.yml:6:26: repositories."d/**".tagTtl: tagTtl is for mirrors',
    'c.yml:6:38: repositories."d/**".asOf: asOf is for mirrors',
    'c.yml:6:56: repositories."d/**".rewrite: rewrite is for mirrors and proxies',
    'c.yml:7:3: repositories."**": needs one of mirror, proxy or store',
  ])
})

test('patterns that tie or cannot match are refused; a whole name beats a wildcard behind it', async (t) => {
  const yaml = `
repositories:
  "a/**": { store: main }
  "a/*/x": { store: main }
  "b/c": { store: main }
  "b/c*": { store: main }
  "Team/**": { store: main }
  "/x": { store: main }
  "\${user}/x": { store: main }
stores: { main: { filesystem: { root: data } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:4:3: repositories."a/*/x": ties with "a/**": both have the literal prefix "a/"',
    'c.yml:7:3: repositories."Team/**": repository names are in lower case',
    'c.yml:8:3: repositories."/x": must be a repository name in which * stands for a part and ** for several, such as team-a/**',
    'c.yml:9:3: repositories."${user}/x": ${user} is for grants only',
  ])
})

test('the longest literal prefix comes first, whatever the order of the file', async (t) => {
  const { config } = await load(
    t,
    `
repositories: { "**": { store: main }, "a/b*": { store: main }, "a/b": { store: main }, "a/**": { store: main } }
stores: { main: { filesystem: { root: data } } }
`,
  )
  assert.deepEqual(
    config.repositories.map(({ pattern }) => pattern),
    ['a/b', 'a/b*', 'a/**', '**'],
  )
})

test('tags of one mirror do not tie', async (t) => {
  const yaml = `${HUB}
repositories: { "**": { mirror: hub, store: main, tagTtl: { "v*": 1d, "v*-rc": 1h, "a/b": 1s } } }
stores: { main: { filesystem: { root: data } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:2:71: repositories."**".tagTtl."v*-rc": ties with "v*": both have the literal prefix "v"',
    'c.yml:2:84: repositories."**".tagTtl."a/b": must be a tag in which * stands for any text, or default',
  ])
})

test('what is never held must be possible, and a moment must be one', async (t) => {
  const yaml = `${HUB}
repositories:
  "docker.io/**": { mirror: hub, store: main, hold: 3d, holdExcept: ["nginx", "docker.io/acme/**", "A:b"] }
  "a/**": { mirror: hub, store: main, asOf: yesterday, staleIfError: sometimes }
stores: { main: { filesystem: { root: data } } }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:3:100: repositories."docker.io/**".holdExcept[2]: must be a digest, or a pattern of images such as docker.io/library/nginx:1.* or docker.io/acme/**',
    'c.yml:4:39: repositories."a/**".asOf: must be a day such as 2026-10-01, or a time such as 2026-10-01T12:00:00Z',
    'c.yml:4:56: repositories."a/**".staleIfError: must be true, false or a duration such as 7d',
  ])
  assert.deepEqual(await problems(t, yaml.replace(', "A:b"', '').replace(/^ {2}"a.*\n/m, '')), [
    'c.yml:3:70: repositories."docker.io/**".holdExcept[0]: no image of this route is called so: names here begin with "docker.io/"',
  ])
})

test('a store serves mirrors or pushes, and has a folder of its own', async (t) => {
  const yaml = `${HUB}
repositories: { "docker.io/**": { mirror: hub, store: main }, "**": { store: main } }
stores:
  main: { filesystem: { root: data } }
  inner: { filesystem: { root: ./data/mirror/../x } }
  outer: { filesystem: { root: data-other } }
  file: { filesystem: { root: taken } }
`
  assert.deepEqual(await problems(t, yaml, { files: { taken: '' } }), [
    'c.yml:2:71: repositories."**".store: store "main" keeps the mirror "docker.io/**": a store serves mirrors or pushes, never both',
    'c.yml:5:26: stores.inner.filesystem.root: shares its folder with store "main": each needs a folder of its own',
    'c.yml:7:25: stores.file.filesystem.root: taken is not a folder',
  ])
})

test('upstreams have whole credentials and a namespace of their own', async (t) => {
  const yaml = `
upstreams:
  a: { url: "https://a.example", namespace: x, username: u }
  b: { url: "https://b.example", namespace: x, password: p }
  c: { url: "https://c.example", username: u, password: p, passwordFile: empty }
  d: { url: "https://d.example", username: u, passwordFile: empty, ca: nowhere }
${MINIMAL}`
  assert.deepEqual(await problems(t, yaml, { files: { empty: '\n' } }), [
    'c.yml:3:48: upstreams.a.username: a username needs a password or passwordFile',
    'c.yml:4:3: upstreams.b: a password needs a username',
    'c.yml:4:34: upstreams.b.namespace: is the namespace of upstream "a" already',
    'c.yml:5:60: upstreams.c.passwordFile: give either password or passwordFile',
    'c.yml:5:60: upstreams.c.passwordFile: empty is empty',
    'c.yml:6:47: upstreams.d.passwordFile: empty is empty',
    'c.yml:6:68: upstreams.d.ca: nowhere does not exist',
  ])
})

test('grants name principals, patterns and actions that can exist', async (t) => {
  const yaml = `
auth: { groups: { ops: [alice] } }
access:
  - { repositories: ["**"], pull: [$anonymus, "@op", "ldap:bob"], push: ["$x"] }
  - { pull: [alice], catalog: [alice] }
  - { repositories: ["**"] }
  - { repositories: ["users/\${user}/**", "a\${user}", "A/**"], push: [$authenticated] }
  - {}
  - { admin: ["@ops"] }
${MINIMAL}`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:4:36: access[0].pull[0]: unknown principal "$anonymus"; did you mean "$anonymous"?',
    'c.yml:4:47: access[0].pull[1]: no group "@op" in auth.groups; did you mean "@ops"?',
    'c.yml:4:74: access[0].push[0]: unknown principal "$x"; there are $anonymous and $authenticated',
    'c.yml:5:7: access[1].pull: needs repositories: the names that it is granted for',
    'c.yml:6:5: access[2]: grants nothing on its repositories: add pull, push or delete',
    'c.yml:7:42: access[3].repositories[1]: must be a repository name in which * stands for a part and ** for several, such as team-a/**',
    'c.yml:7:54: access[3].repositories[2]: repository names are in lower case',
    'c.yml:8:5: access[4]: grants nothing',
  ])
})

test('an unknown group is answered with the groups there are, if they are few', async (t) => {
  const group = async (groups: object, named: string) => {
    const yaml = `auth: ${JSON.stringify({ groups })}\naccess: [{ admin: ["${named}"] }]\n${MINIMAL}`
    return (await problems(t, yaml)).map((line) => line.replace(/^.*auth\.groups/, ''))
  }
  assert.deepEqual(await group({}, '@ops'), ['; there are none'])
  assert.deepEqual(await group({ ops: [] }, '@admins'), ['; there is @ops'])
  assert.deepEqual(await group({ ops: [], ci: [] }, '@admins'), ['; there are @ops and @ci'])
  assert.deepEqual(await group({ ops: [] }, '@opss'), ['; did you mean "@ops"?'])
  const many = Object.fromEntries(Array.from({ length: 6 }, (_, at) => [`team-${at}`, []]))
  assert.deepEqual(await group(many, '@admins'), [''])
})

test('listeners have addresses that exist and are their own, and redirects lead somewhere', async (t) => {
  const yaml = `
listen:
  - { address: ":80", redirectTo: https }
  - { address: "0.0.0.0" }
  - { address: "127.0.0.1:9090" }
  - { address: ":65536" }
  - { address: "[::g]:1" }
  - { address: "unix:/run/x" }
trustedProxies: [10.0.0.0/33, localhost, "fd00::/8"]
${MINIMAL}`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:4:7: listen[1].address: must be an address and a port such as ":443", "127.0.0.1:9090" or "[::1]:5000"',
    'c.yml:6:7: listen[3].address: is not an address and port that exist',
    'c.yml:7:7: listen[4].address: must be an address and a port such as ":443", "127.0.0.1:9090" or "[::1]:5000"',
    'c.yml:8:7: listen[5].address: must be an address and a port such as ":443", "127.0.0.1:9090" or "[::1]:5000"',
    'c.yml:9:18: trustedProxies[0]: must be an IP address or a range such as 10.0.0.0/8',
    'c.yml:9:31: trustedProxies[1]: must be an IP address or a range such as 10.0.0.0/8',
  ])
  const well = `
listen:
  - { address: ":80", redirectTo: https }
  - { address: "127.0.0.1:9090" }
  - { address: ":80", tls: auto, redirectTo: https }
${MINIMAL}`
  assert.deepEqual(await problems(t, well), [
    'c.yml:4:7: listen[1].address: is listened on already',
    'c.yml:5:7: listen[2].address: is listened on already',
    'c.yml:5:34: listen[2].redirectTo: is for a listener without tls',
  ])
  const nowhere = `listen: [{ address: ":80", redirectTo: https }]\n${MINIMAL}`
  assert.deepEqual(await problems(t, nowhere), [
    'c.yml:1:28: listen[0].redirectTo: leads nowhere: no listener has tls',
  ])
})

test('files that are missing or folders are named where they are configured', async (t) => {
  const yaml = `
listen: [{ address: ":443", tls: { certificate: nowhere.crt, key: c.yml/x } }]
auth: { htpasswd: { file: folder } }
${MINIMAL}`
  const { cwd } = await load(t, MINIMAL, { files: { 'd.yml': yaml } })
  await mkdir(join(cwd, 'folder'))
  const error = await loadConfig('d.yml', {}, { cwd }).catch((reason: unknown) => reason)
  assert.deepEqual(error instanceof Error && error.message.split('\n'), [
    'd.yml:2:36: listen[0].tls.certificate: nowhere.crt does not exist',
    'd.yml:2:62: listen[0].tls.key: c.yml/x does not exist',
    'd.yml:3:21: auth.htpasswd.file: folder is a folder, not a file',
  ])
})

test('a token lives at least a minute and at most a day', async (t) => {
  const ttl = (text: string) => problems(t, `auth: { token: { ttl: ${text} } }\n${MINIMAL}`)
  assert.deepEqual(await ttl('59s'), ['c.yml:1:18: auth.token.ttl: must be at least 60s'])
  assert.deepEqual(await ttl('2d'), ['c.yml:1:18: auth.token.ttl: must be at most 24h'])
  const { config } = await load(t, `auth: { token: off }\n${MINIMAL}`)
  assert.equal(config.auth.token, undefined)
})

test('visibility is for mirrors, and hosts with logins of an upstream stand for one that is per-user', async (t) => {
  const yaml = `
hosts:
  a.lan: { defaultNamespace: a.io, upstreamLogins: true }
  b.lan: { defaultNamespace: b.io, upstreamLogins: true }
  c.lan: { upstreamLogins: true }
  d.lan: { defaultNamespace: a.io, upstreamLogins: true, lenient: true }
upstreams:
  a: { url: "https://a.io", namespace: a.io, visibility: per-user }
  b: { url: "https://b.io", namespace: b.io }
  c: { url: "https://c.io", namespace: c.io, visibility: per-user, username: u, password: p }
  d: { url: "https://d.io", visibility: shared }
repositories:
  "a.io/**": { mirror: a, store: main, overlay: own }
  "b.io/**": { mirror: b, store: main }
  "c.io/**": { mirror: c, store: main }
  "d.io/**": { proxy: d }
stores: { main: { filesystem: { root: data } }, own: { filesystem: { root: own } } }
`
  const needed = 'needs the defaultNamespace of an upstream with visibility: per-user'
  assert.deepEqual(
    (await problems(t, yaml)).map((problem) => problem.replace(/^c\.yml:\d+:\d+: /, '')),
    [
      `hosts."b.lan".upstreamLogins: ${needed}`,
      `hosts."c.lan".upstreamLogins: ${needed}`,
      'hosts."d.lan".upstreamLogins: a host is either lenient or takes the logins of its upstream',
      'upstreams.c.visibility: asks with the logins of its readers alone: leave its own login out, or write shared',
      'upstreams.d.visibility: is for upstreams that a route mirrors',
      'repositories."a.io/**".overlay: lies over mirrors of public or shared visibility: who pushes has no login of the upstream',
    ],
  )
})

test('what was pushed over a mirror is not evicted, and only mirrors have an overlay', async (t) => {
  const yaml = `${HUB}
repositories:
  "docker.io/**": { mirror: hub, store: mirror, overlay: over }
  "**": { store: main, overlay: over }
stores:
  main: { filesystem: { root: data } }
  mirror: { filesystem: { root: mirror } }
  over: { filesystem: { root: over }, maxSize: 1GiB }
`
  assert.deepEqual(await problems(t, yaml), [
    'c.yml:4:24: repositories."**".overlay: overlay is for mirrors',
    'c.yml:8:39: stores.over.maxSize: is for stores of mirrors: what was pushed is never evicted',
  ])
})

test('what is evicted is what mirrors fetched, and pins are images', async (t) => {
  const yaml = `${HUB}
repositories:
  "docker.io/**": { mirror: hub, store: mirror }
  "**": { store: main }
stores:
  main: { filesystem: { root: data }, maxSize: 1GiB, unusedAfter: 1d, pins: ["a:1"] }
  mirror: { filesystem: { root: mirror }, maxSize: 200GiB, unusedAfter: 90d, pins: ["docker.io/**", "Docker.io/x", "a:b:c", "a/b:3.*"] }
`
  const message = 'is for stores of mirrors: what was pushed is never evicted'
  assert.deepEqual(await problems(t, yaml), [
    `c.yml:6:39: stores.main.maxSize: ${message}`,
    `c.yml:6:54: stores.main.unusedAfter: ${message}`,
    `c.yml:6:71: stores.main.pins: ${message}`,
    'c.yml:7:101: stores.mirror.pins[1]: repository names are in lower case',
    'c.yml:7:116: stores.mirror.pins[2]: must be like docker.io/library/alpine:3.*, with a tag in which * stands for any text',
  ])
})
