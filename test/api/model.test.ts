// Whatever is asked in whatever order, the answers are those of the specification.
import { test } from 'node:test'
import { checkModel } from './model/check.ts'

test('random sequences of requests, right and wrong ones, are answered as the specification says', async (t) => {
  const seed = Math.floor(Math.random() * 1e9)
  t.diagnostic(`node test/api/model/run.ts --seed ${seed}`)
  await checkModel(t, { runs: 30, commands: 150, seed })
})
