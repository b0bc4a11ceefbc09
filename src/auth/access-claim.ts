// The `access` claim: scopes as a token carries them (Docker token specification, "Token authentication implementation").
import { z } from 'zod'
import { parseRepositoryName } from '../oci/repository-name.ts'
import type { Action, Scope } from '../oci/scope.ts'

interface AccessEntry {
  readonly type: string
  readonly name: string
  readonly actions: readonly string[]
}

const ACCESS_CLAIM = z.array(z.object({ type: z.string(), name: z.string(), actions: z.array(z.string()) }))
const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']

export function formatAccessClaim(scopes: readonly Scope[]): AccessEntry[] {
  return scopes.map((scope) =>
    scope.type === 'catalog'
      ? { type: 'registry', name: 'catalog', actions: ['*'] }
      : { type: scope.type, name: scope.name, actions: [...scope.actions] },
  )
}

/**
 * The scopes of a claim; entries that mean nothing here allow nothing. Undefined when it is not an access claim. Where
 * `wildcard` is told, it stands for every action.
 */
export function parseAccessClaim(claim: unknown, wildcard?: '*'): Scope[] | undefined {
  return ACCESS_CLAIM.safeParse(claim).data?.flatMap((entry) => parseEntry(entry, wildcard))
}

function parseEntry({ type, name, actions }: AccessEntry, wildcard: '*' | undefined): Scope[] {
  if (type === 'registry' && name === 'catalog' && actions.includes('*')) return [{ type: 'catalog' }]
  const repository = type === 'repository' ? parseRepositoryName(name) : undefined
  if (repository === undefined) return []
  const isEverything = wildcard !== undefined && actions.includes(wildcard)
  return [
    {
      type: 'repository',
      name: repository,
      actions: new Set(ACTIONS.filter((action) => actions.includes(action) || isEverything)),
    },
  ]
}
