// `node test/core/bundled/kill/run.ts [--kills 300] [--seed 1]`: the long run of the kill test, and what repeats it.
import { parseArgs } from 'node:util'
import type { Scope } from '../../../support/scope.ts'
import { killAgainAndAgain } from './kills.ts'

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '300' }, seed: { type: 'string' } },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e6))
const kills = Number(values.kills)

await using stack = new AsyncDisposableStack()
const scope: Scope = { after: (close) => stack.defer(close) }
console.log(`${kills} kills with --seed ${seed}`)
const report = await killAgainAndAgain(scope, {
  kills,
  seed,
  registryEvery: 25,
  onKill: (count) => {
    if (count % 10 === 0) console.log(`${count} of ${kills}`)
  },
})
console.log(JSON.stringify(report))
