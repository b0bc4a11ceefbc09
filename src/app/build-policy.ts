// What the grants of a configuration decide, and the names that they speak of.
import { createPolicy } from '../access/grants-policy.ts'
import { createNaming, type Naming } from '../access/naming.ts'
import type { Policy } from '../access/policy.ts'
import type { Config } from '../config/config.ts'

export function buildPolicy({ auth, access }: Config): Policy {
  return createPolicy({ groups: Object.fromEntries(auth.groups), grants: access })
}

export function buildNaming({ upstreams, hosts }: Config): Naming {
  const namespaces = [...upstreams.values()].flatMap(({ namespace }) => namespace ?? [])
  const defaults = [...hosts].flatMap(([host, { defaultNamespace }]) =>
    defaultNamespace === undefined ? [] : [[host, defaultNamespace] as const],
  )
  return createNaming({ namespaces, defaultNamespaces: new Map(defaults) })
}
