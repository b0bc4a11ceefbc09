import assert from 'node:assert/strict'
import { test } from 'node:test'
import { load, problems } from './config-folder.ts'

function withStore(settings: string, more = ''): string {
  return `
repositories: { "**": { store: main } }
stores:
  main: { filesystem: { root: data }, ${settings} }
${more}`
}

test('tag rules are read with their defaults and durations', async (t) => {
  const keep = 'keep: { newest: 10, pulledWithin: 30d }'
  const { config } = await load(
    t,
    withStore(`verifyReads: true, tags: [{ tags: ["v*"], immutable: true }, { ${keep} }]`),
  )
  const main = config.stores.get('main')
  assert.ok(main)
  assert.deepEqual([main.isReadOnly, main.verifiesReads], [false, true])
  assert.deepEqual(main.tagRules, [
    { repositories: ['**'], tags: ['v*'], immutable: true, protected: false, keep: undefined },
    {
      repositories: ['**'],
      tags: ['*'],
      immutable: false,
      protected: false,
      keep: { newest: 10, pushedWithinMs: undefined, pulledWithinMs: 30 * 86_400_000 },
    },
  ])
})

test('a rule that says nothing, or cannot match, is refused', async (t) => {
  const rules = '[{ tags: ["v*"] }, { keep: {} }, { tags: ["a b"], protected: true }]'
  const found = await problems(t, withStore(`tags: ${rules}`))
  assert.equal(found.length, 3)
  assert.match(found[0] ?? '', /tags\[0\]: must say immutable, protected or keep/)
  assert.match(found[1] ?? '', /keep: must say newest, pushedWithin or pulledWithin/)
  assert.match(found[2] ?? '', /must be a tag in which \* stands for any text/)
  const [upper] = await problems(t, withStore('tags: [{ repositories: ["Team/**"], protected: true }]'))
  assert.match(upper ?? '', /stores\.main\.tags\[0\]\.repositories\[0\]: repository names are in lower case/)
})

test('rules are for stores that keep what is pushed', async (t) => {
  const yaml = `
upstreams: { hub: { url: "https://registry-1.docker.io" } }
repositories: { "**": { mirror: hub, store: cache } }
stores: { cache: { filesystem: { root: data }, readOnly: true, tags: [{ protected: true }] } }
`
  const found = await problems(t, yaml)
  assert.equal(found.length, 2)
  for (const line of found) assert.match(line, /is for stores that keep what is pushed$/)
})
