// `node test/api/model/run.ts --runs 2000 [--commands 100] [--seed 1 --path 5:3]`: the model test for as long as one likes.
import { parseArgs } from 'node:util'
import type { Scope } from '../../support/scope.ts'
import { checkModel } from './check.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    commands: { type: 'string', default: '150' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
})
const seed = Number(values.seed ?? Math.floor(Math.random() * 1e9))
const { path } = values

await using stack = new AsyncDisposableStack()
const scope: Scope = { after: (close) => stack.defer(close) }
console.log(`${values.runs} sequences with --seed ${seed}`)
const options = { runs: Number(values.runs), commands: Number(values.commands), seed }
await checkModel(scope, { ...options, ...(path === undefined ? {} : { path }) })
console.log('every answer was what the specification says')
