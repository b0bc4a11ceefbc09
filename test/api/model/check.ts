// Random sequences of requests against a real dockgate, held against the model of the specification.
import fc from 'fast-check'
import { startGateway } from '../../support/gateway.ts'
import type { Scope } from '../../support/scope.ts'
import { BLOB_COMMANDS } from './blob-commands.ts'
import { MANIFEST_COMMANDS } from './manifest-commands.ts'
import { ALICE, Real } from './real.ts'
import { UPLOAD_COMMANDS } from './upload-commands.ts'
import { createWorld } from './world.ts'

const ANYBODY = ['$anonymous']
const CONFIG = {
  listen: [{ address: '127.0.0.1:0' }],
  auth: { htpasswd: { file: 'htpasswd' }, token: 'off' },
  access: [
    { repositories: ['*/open-*'], pull: ANYBODY, push: ANYBODY, delete: ANYBODY },
    { repositories: ['**'], pull: ['alice'], push: ['alice'], delete: ['alice'] },
  ],
  stores: { main: { filesystem: { root: 'data' }, fsync: false } },
  logging: { format: 'json', level: 'warn' },
}

export interface CheckOptions {
  readonly runs: number
  /** Requests in a sequence, at most. */
  readonly commands: number
  /** Repeats a run; with `path`, the very sequence that failed. */
  readonly seed: number
  readonly path?: string
}

/** Rejects with the shortest sequence that was found to go wrong, and what repeats it. */
export async function checkModel(t: Scope, { runs, commands, seed, path }: CheckOptions): Promise<void> {
  const { url } = await startGateway(t, { config: CONFIG, users: { [ALICE.username]: ALICE.password } })
  let count = 0
  const sequences = fc.commands([...UPLOAD_COMMANDS, ...BLOB_COMMANDS, ...MANIFEST_COMMANDS], {
    maxCommands: commands,
    size: 'max',
  })
  const property = fc.asyncProperty(sequences, (sequence) =>
    fc.asyncModelRun(() => ({ model: createWorld(`run${(count += 1)}`), real: new Real(url) }), sequence),
  )
  await fc.assert(property, { numRuns: runs, seed, ...(path === undefined ? {} : { path }) })
}
