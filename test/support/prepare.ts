// Runs before the tests: is this Node new enough, and are the real servers and clients here? Installs what it may.
import { PROGRAMS } from './programs.ts'
import { nodeProblem, programProblem } from './requirements.ts'

const problem = nodeProblem() ?? programProblem(PROGRAMS)
if (problem !== undefined) {
  console.error(problem)
  process.exitCode = 1
}
