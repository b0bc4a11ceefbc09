// Platforms as people write them: `linux/amd64`, `linux/arm64/v8`.
import type { Platform } from './descriptor.ts'

const PLATFORM = /^(?<os>[a-z0-9]+)\/(?<architecture>[a-z0-9_]+)(?:\/(?<variant>[a-z0-9.]+))?$/

/** Undefined for what is none. */
export function parsePlatform(text: string): Platform | undefined {
  const { os, architecture, variant } = PLATFORM.exec(text)?.groups ?? {}
  if (os === undefined || architecture === undefined) return undefined
  return { os, architecture, ...(variant === undefined ? {} : { variant }) }
}
