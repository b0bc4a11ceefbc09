// Kills a real dockgate again and again in the middle of pushes, starts it on the same folder, and looks what stands.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startDockerRegistry } from '../../../support/docker-registry.ts'
import { startGateway, type RunningGateway } from '../../../support/gateway.ts'
import { temporaryFolder, type Scope } from '../../../support/scope.ts'
import { Dice } from './contents.ts'
import { inspect, inspectTags, inspectUploads } from './inspection.ts'
import { Ledger } from './ledger.ts'
import { Pusher } from './pusher.ts'

export interface KillOptions {
  readonly kills: number
  /** Decides what is pushed and when it is killed; the machine decides the rest. */
  readonly seed: number
  /** How many kills lie between two looks through registry:2. */
  readonly registryEvery: number
  readonly onKill?: (count: number) => void
}

export interface KillReport {
  readonly kills: number
  /** Names whose answers were held against the ledger, each at the end once more. */
  readonly names: number
  readonly inspections: number
  /** Sessions that were open when the registry was killed. */
  readonly interrupted: number
}

const EVERYBODY = ['$anonymous']
const CONFIG = {
  listen: [{ address: '127.0.0.1:0' }],
  auth: {},
  access: [{ repositories: ['**'], pull: EVERYBODY, push: EVERYBODY, delete: EVERYBODY }],
  logging: { format: 'json', level: 'warn' },
}
const PUSHERS = 3
const LONGEST_RUN_MS = 400
/** Of the names that a round did not touch, this many are looked at all the same. */
const SAMPLE = 20

/** Rejects with what was lost or half-written. */
export async function killAgainAndAgain(t: Scope, options: KillOptions): Promise<KillReport> {
  const folder = await temporaryFolder(t)
  const dice = new Dice(options.seed)
  const ledger = new Ledger()
  const pushers = Array.from(
    { length: PUSHERS },
    (_, at) => new Pusher({ name: `p${at}`, dice: new Dice(options.seed * 10 + at), ledger }),
  )
  let inspections = 0
  let interrupted = 0
  for (let count = 1; count <= options.kills; count += 1) {
    const gateway = await start(t, folder)
    const keys = [...ledger.takeChanged(), ...sampleOf(ledger, dice)]
    inspections += keys.length
    await look(gateway, ledger, pushers, keys)
    await pushUntilKilled(gateway, pushers, dice.between(1, LONGEST_RUN_MS))
    interrupted += pushers.reduce((sum, { uploads }) => sum + uploads.length, 0)
    if (count % options.registryEvery === 0)
      inspections += await lookThroughRegistry(t, folder, ledger, pushers)
    options.onKill?.(count)
  }
  inspections += await lookThroughRegistry(t, folder, ledger, pushers)
  await look(await start(t, folder), ledger, pushers, ledger.keys)
  const names = ledger.keys.length
  return { kills: options.kills, names, inspections: inspections + names, interrupted }
}

function start(t: Scope, folder: string): Promise<RunningGateway> {
  return startGateway(t, { folder, config: CONFIG })
}

async function look(
  { url }: RunningGateway,
  ledger: Ledger,
  pushers: readonly Pusher[],
  keys: readonly string[],
): Promise<void> {
  for (const pusher of pushers) await inspectUploads(url, ledger, pusher)
  await inspect({ name: 'dockgate', url }, ledger, pushers, keys)
  await inspectTags(url, pushers)
}

async function pushUntilKilled(
  gateway: RunningGateway,
  pushers: readonly Pusher[],
  afterMs: number,
): Promise<void> {
  const working = Promise.all(pushers.map((pusher) => pusher.work(gateway.url)))
  // A wrong answer ends the wait, and the test, at once.
  await Promise.race([pause(afterMs), working])
  await gateway.program.kill()
  await working
}

/** Everything that stands, read by registry:2 before dockgate has seen it again. */
async function lookThroughRegistry(
  t: Scope,
  folder: string,
  ledger: Ledger,
  pushers: readonly Pusher[],
): Promise<number> {
  const registry = await startDockerRegistry(t, { root: join(folder, 'data') })
  await inspect({ name: 'registry:2', url: registry.url }, ledger, pushers, ledger.keys)
  await registry.stop()
  await rm(join(folder, 'data', 'scheduler-state.json'), { force: true })
  return ledger.keys.length
}

function sampleOf(ledger: Ledger, dice: Dice): string[] {
  return Array.from({ length: SAMPLE }, () => dice.pick(ledger.keys)).flatMap((key) => key ?? [])
}
