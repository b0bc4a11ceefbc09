// Durations (`10m`, `2d`) and sizes (`64MiB`) as they are written in the configuration.

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 60e3, h: 3600e3, d: 86400e3 }

const BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
}

/** A whole number and its unit: ms, s, m, h or d. Six digits of the largest unit still count exactly in milliseconds. */
export const DURATION = /^\d{1,6}(?:ms|s|m|h|d)$/

/** A whole number and its unit: B, KiB, MiB, GiB, TiB, or the decimal kB, MB, GB, TB. */
export const SIZE = /^\d{1,6}(?:B|[KMGT]iB|[kMGT]B)$/

/** Milliseconds of a text that matches {@link DURATION}. */
export function parseDurationMs(text: string): number {
  return Number.parseInt(text, 10) * (MILLISECONDS[text.replace(/^\d+/, '')] ?? Number.NaN)
}

/** Bytes of a text that matches {@link SIZE}. */
export function parseSizeBytes(text: string): number {
  return Number.parseInt(text, 10) * (BYTES[text.replace(/^\d+/, '')] ?? Number.NaN)
}

/** The duration in its largest whole unit: `2d`, `90s`. */
export function formatDuration(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((each) => ms > 0 && ms % (MILLISECONDS[each] ?? 1) === 0) ?? 'ms'
  return `${ms / (MILLISECONDS[unit] ?? 1)}${unit}`
}
