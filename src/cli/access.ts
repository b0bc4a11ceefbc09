// `dockgate access`: why somebody may do something, and whether everybody may do what was expected.
import type { Command } from 'commander'
import { answerQuestion, type WrittenAnswer, type WrittenQuestion } from '../access/written-question.ts'
import { buildNaming, buildPolicy } from '../app/build-policy.ts'
import type { Config } from '../config/config.ts'
import { readExpectations } from './access-expectations.ts'
import { explainAnswer } from './access-text.ts'
import { counted, print } from './output.ts'
import { readConfig, type StoreCommandOptions } from './store-work.ts'

const EXPLAIN_EXAMPLES = `
Examples:
  dockgate access explain alice push team-a/web --config config/dockgate.yml
  dockgate access explain alice push team-a/web --from 10.1.2.3
  dockgate access explain '$anonymous' pull docker.io/alpine
  dockgate access explain ldap:bob pull team-a/web --groups ldap:ops,ldap:dev --json
  dockgate access explain alice catalog                   also: admin

It reads the configuration as it is now. Whether the account exists is not asked.`

const TEST_EXAMPLES = `
The file is a list:
  - { user: alice, action: push, repository: team-a/web, expect: allow }
  - { user: $anonymous, action: pull, repository: team-a/web, from: 192.0.2.1, expect: deny }

Examples:
  dockgate access test config/access.test.yml --config config/dockgate.yml
Prints a line for each surprise, and exits 1 when there is one.`

interface ExplainOptions extends StoreCommandOptions {
  readonly from?: string
  readonly groups?: string
}

export function addAccessCommand(program: Command): void {
  const access = program.command('access').description('explain and test who may do what')
  access
    .command('explain')
    .description('say which grant decides, or what is missing')
    .argument('<user>', "an account's name, or '$anonymous'")
    .argument('<action>', 'pull, push, delete, catalog or admin')
    .argument('[repository]', 'such as team-a/web; for pull, push and delete')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--from <address>', 'the IP address that the caller comes from')
    .option('--groups <names>', 'groups that the account comes with, such as ldap:ops; separated by commas')
    .option('--json', 'print the explanation as JSON')
    .addHelpText('after', EXPLAIN_EXAMPLES)
    .action(explain)
  access
    .command('test')
    .description('hold the configuration against a table of expectations')
    .argument('<file>', 'the table, in YAML')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .addHelpText('after', TEST_EXAMPLES)
    .action(test)
}

async function explain(
  user: string,
  action: string,
  repository: string | undefined,
  options: ExplainOptions,
): Promise<void> {
  const { from, groups } = options
  const question: WrittenQuestion = { user, action, repository, from, groups: groups?.split(',') }
  const config = await readConfig(options)
  const answer = answerOf(config)(question)
  print(options.json ? JSON.stringify(answer, null, 2) : explainAnswer(answer, question, config).join('\n'))
}

async function test(file: string, options: StoreCommandOptions): Promise<void> {
  const config = await readConfig(options)
  const expectations = await readExpectations(file)
  const answer = answerOf(config)
  let surprises = 0
  for (const { question, expect, where } of expectations) {
    const found = answerAt(where, () => answer(question))
    if (found.allowed === (expect === 'allow')) continue
    surprises += 1
    const [first = ''] = explainAnswer(found, question, config)
    print(`${where}: expected ${expect}; ${first}`)
  }
  const told = counted(expectations.length, 'expectation')
  if (surprises > 0) throw new Error(`${surprises} of ${told} not met`)
  print(`${told} met`)
}

/** Which line it is that means nothing. */
function answerAt(where: string, answer: () => WrittenAnswer): WrittenAnswer {
  try {
    return answer()
  } catch (cause) {
    throw new Error(`${where}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
  }
}

/** Decides as the gateway would that runs with this configuration. */
function answerOf(config: Config): (question: WrittenQuestion) => WrittenAnswer {
  const policy = buildPolicy(config)
  const naming = buildNaming(config)
  return (question) => answerQuestion(policy, question, (name) => naming.canonical({ name, host: undefined }))
}
