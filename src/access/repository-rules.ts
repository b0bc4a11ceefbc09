// Who may do what to which repository, as a tree over the literal components that patterns begin with.
import type { RepositoryName } from '../oci/repository-name.ts'
import { Principals } from './grants.ts'
import { Glob, isLiteralComponent, isPathComponent, USER } from './patterns.ts'

/** What all grants of one pattern say together. */
export interface Rule {
  readonly pull: Principals
  readonly push: Principals
  readonly delete: Principals
}

/** Where the literal components of patterns lead; a decision visits one node for each component of a name. */
interface Node {
  readonly children: Map<string, Node>
  /** Of the pattern that ends here. */
  rule?: Rule
  /** Of patterns that go on with wildcards, by the rest of the pattern. */
  readonly wildcards: Map<string, WildcardRule>
}

interface WildcardRule {
  readonly rule: Rule
  /** Undefined when the rest depends on who asks. */
  readonly glob: Glob | undefined
}

/** Finds the rules that speak of a repository; its cost grows with the wildcard patterns that share a prefix with it alone. */
export class RepositoryRules {
  readonly #root: Node = createNode()

  /** The rule of a pattern, made when it is new. */
  ruleOf(pattern: readonly string[]): Rule {
    const firstWildcard = pattern.findIndex((component) => !isLiteralComponent(component))
    const literals = firstWildcard === -1 ? pattern : pattern.slice(0, firstWildcard)
    const node = literals.reduce(childOf, this.#root)
    if (firstWildcard === -1) return (node.rule ??= createRule())
    const rest = pattern.slice(firstWildcard).join('/')
    const known = node.wildcards.get(rest)
    if (known) return known.rule
    const rule = createRule()
    node.wildcards.set(rest, { rule, glob: rest.includes(USER) ? undefined : new Glob(rest) })
    return rule
  }

  /** Whether a rule that speaks of `repository`, with `${user}` standing for `user`, passes the test. */
  some(repository: RepositoryName, user: string | undefined, test: (rule: Rule) => boolean): boolean {
    let node = this.#root
    for (let start = 0; ;) {
      for (const [rest, { rule, glob }] of node.wildcards)
        if (test(rule) && (glob ?? personalGlob(rest, user))?.matches(repository, start)) return true
      const slash = repository.indexOf('/', start)
      const child = node.children.get(repository.slice(start, slash === -1 ? undefined : slash))
      if (!child) return false
      if (slash === -1) return child.rule !== undefined && test(child.rule)
      node = child
      start = slash + 1
    }
  }
}

function personalGlob(rest: string, user: string | undefined): Glob | undefined {
  // A name such as `**` or `a/b` must not reach beyond its own component.
  return user !== undefined && isPathComponent(user) ? new Glob(rest.replaceAll(USER, user)) : undefined
}

function childOf(node: Node, component: string): Node {
  const child = node.children.get(component) ?? createNode()
  node.children.set(component, child)
  return child
}

function createNode(): Node {
  return { children: new Map(), wildcards: new Map() }
}

function createRule(): Rule {
  return { pull: new Principals(), push: new Principals(), delete: new Principals() }
}
