import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { load } from './config-folder.ts'

const FIX = digestOf('fix')
const DAY_MS = 24 * 3600_000

async function mirrorsOf(t: Parameters<typeof load>[0], upstream: string, routes: string) {
  const { config } = await load(
    t,
    `
upstreams: { hub: { url: "https://registry-1.docker.io", namespace: docker.io, ${upstream} } }
repositories: { ${routes} }
stores: { mirror: { filesystem: { root: mirror } } }
`,
  )
  return config.repositories.flatMap((route) => (route.kind === 'mirror' ? [route] : []))
}

test('a route says how fresh its tags are, else its upstream does', async (t) => {
  const [own, inherited] = await mirrorsOf(
    t,
    'tagTtl: { latest: 1h }, staleIfError: false, staleWhileRevalidate: 1h, negativeTtl: 0s, hold: 3d',
    `"docker.io/library/**": { mirror: hub, store: mirror, tagTtl: 1d, staleIfError: 7d, staleWhileRevalidate: true,
      negativeTtl: 5s, hold: 0s, asOf: "2026-10-01T02:00:00+02:00" },
     "docker.io/**": { mirror: hub, store: mirror }`,
  )
  const { tagTtl, staleIfErrorMs, staleWhileRevalidateMs, negativeTtlMs, hold, asOf } = own ?? {}
  assert.deepEqual(tagTtl, { rules: [], defaultMs: DAY_MS })
  assert.deepEqual([staleIfErrorMs, staleWhileRevalidateMs, negativeTtlMs], [7 * DAY_MS, Infinity, 5_000])
  assert.deepEqual([hold, asOf], [undefined, Date.parse('2026-10-01')])
  assert.deepEqual(inherited?.tagTtl.rules, [{ tags: 'latest', ttlMs: 3600_000 }])
  assert.equal(inherited?.hold?.ms, 3 * DAY_MS)
  assert.deepEqual(
    [inherited?.staleIfErrorMs, inherited?.staleWhileRevalidateMs, inherited?.negativeTtlMs, inherited?.asOf],
    [0, 3600_000, 0, undefined],
  )
})

test('what is never held is said by the upstream and by the route', async (t) => {
  const [route] = await mirrorsOf(
    t,
    'holdExcept: ["docker.io/acme/**"], holdFirst: true',
    `"docker.io/**": { mirror: hub, store: mirror, hold: 3d, holdExcept: ["${FIX}", "docker.io/library/nginx:1.*"] }`,
  )
  assert.deepEqual(route?.hold, {
    ms: 3 * DAY_MS,
    holdsFirst: true,
    exceptDigests: [FIX],
    exceptImages: [
      { repository: 'docker.io/acme/**', tag: '*' },
      { repository: 'docker.io/library/nginx', tag: '1.*' },
    ],
  })
})
