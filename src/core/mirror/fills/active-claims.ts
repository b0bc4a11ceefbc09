// The claims that this process works for, over all mirrors: what it claimed else is void.

/** Their tokens. */
export const ACTIVE = new Set<string>()
