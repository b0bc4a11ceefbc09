import assert from 'node:assert/strict'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { TokenKeyFiles } from '../../src/app/token-key-files.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { loadConfig } from '../../src/config/load.ts'
import { writeConfig, writePasswords } from '../support/gateway.ts'
import { linkPeers } from '../support/linked-peers.ts'
import { temporaryFolder } from '../support/scope.ts'

test('a new key signs in no process before every process takes its tokens', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'dockgate.yml')
  const key = join(folder, 'token.key')
  await writeConfig(file, { auth: { htpasswd: { file: join(folder, 'htpasswd') }, token: { key } } })
  await writePasswords(folder, {})
  const config = await loadConfig(file, {})
  const link = linkPeers()
  const [primary, one, other] = await Promise.all(
    [link.primary, link.join(), link.join()].map(async (peers) => {
      const files = new TokenKeyFiles(config, peers)
      const keys = await files.open()
      assert.ok(keys)
      return { files, keys }
    }),
  )
  assert.ok(primary && one && other)
  const before = primary.keys.current.kid
  const next = await loadTokenKey(join(folder, 'next.key'))
  await copyFile(join(folder, 'next.key'), key)
  await primary.files.reload()
  for (const { keys } of [one, other]) {
    assert.equal(keys.current.kid, before)
    assert.ok(keys.find(next.kid))
  }
  await one.files.reload()
  await other.files.reload()
  for (const { keys } of [primary, one, other]) {
    assert.equal(keys.current.kid, next.kid)
    assert.equal(keys.find(before), undefined)
  }
})
