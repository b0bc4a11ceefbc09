// Who may do what to which repository, as a tree over the path components of patterns.
import type { RepositoryName } from '../oci/repository-name.ts'
import { GlobIndex } from './glob-index.ts'
import type { Groups } from './grants.ts'
import { isLiteralComponent, USER } from './patterns.ts'
import { Principals } from './principals.ts'

/** What all grants of one pattern say together. */
export interface Rule {
  readonly pattern: string
  readonly pull: Principals
  readonly push: Principals
  readonly delete: Principals
}

/** Where the components of patterns lead. */
interface Node {
  /** Of the pattern that ends here. */
  rule: Rule | undefined
  readonly literals: Map<string, Node>
  /** `*` and `${user}` as a whole component. */
  any: Node | undefined
  user: Node | undefined
  /** Components with wildcards among their letters; undefined while there is none. */
  globs: GlobIndex<Node> | undefined
  /** `**`: a node that takes any further component as well. */
  deep: Node | undefined
  readonly isDeep: boolean
}

/** Finds the rules that speak of a repository, in one walk over its name; its cost does not grow with their number. */
export class RepositoryRules {
  readonly #root: Node = createNode()
  readonly #groups: Groups

  constructor(groups: Groups) {
    this.#groups = groups
  }

  /** The rule of a pattern, made when it is new. */
  ruleOf(pattern: readonly string[]): Rule {
    const node = pattern.reduce(childOf, this.#root)
    return (node.rule ??= this.#createRule(pattern.join('/')))
  }

  /** The first outcome of `test` over the rules that speak of `repository`, with `${user}` standing for `user`. */
  find<Result>(
    repository: RepositoryName,
    user: string | undefined,
    test: (rule: Rule) => Result | undefined,
  ): Result | undefined {
    let nodes: readonly Node[] = [this.#root]
    for (let start = 0; start <= repository.length && nodes.length > 0;) {
      const slash = repository.indexOf('/', start)
      const end = slash === -1 ? repository.length : slash
      nodes = step(nodes, repository.slice(start, end), user)
      start = end + 1
    }
    for (const { rule } of nodes) {
      const result = rule && test(rule)
      if (result !== undefined) return result
    }
    return undefined
  }

  #createRule(pattern: string): Rule {
    const groups = this.#groups
    return {
      pattern,
      pull: new Principals(groups),
      push: new Principals(groups),
      delete: new Principals(groups),
    }
  }
}

/** Where one more component leads from `nodes`. No node stands twice in it. */
function step(nodes: readonly Node[], component: string, user: string | undefined): Node[] {
  const next: Node[] = []
  for (const node of nodes) {
    const literal = node.literals.get(component)
    if (literal) next.push(literal)
    if (node.any) next.push(node.any)
    // As it is written: a name such as `**` or `a/b` is no component of any repository.
    if (node.user && component === user) next.push(node.user)
    node.globs?.collect(component, next)
    // A deep node is reached from itself as well; as it always stands before its parent, the parent comes second.
    if (node.deep && !next.includes(node.deep)) next.push(node.deep)
    if (node.isDeep) next.push(node)
  }
  return next
}

function childOf(node: Node, component: string): Node {
  if (component === '**') return (node.deep ??= createNode(true))
  if (component === '*') return (node.any ??= createNode())
  if (component === USER) return (node.user ??= createNode())
  if (!isLiteralComponent(component)) {
    node.globs ??= new GlobIndex()
    return node.globs.valueOf(component, createNode)
  }
  const child = node.literals.get(component) ?? createNode()
  node.literals.set(component, child)
  return child
}

function createNode(isDeep = false): Node {
  return {
    rule: undefined,
    literals: new Map(),
    any: undefined,
    user: undefined,
    globs: undefined,
    deep: undefined,
    isDeep,
  }
}
