// How many inputs a test makes up: few in every run, many with `FUZZ_RUNS=1000000`.

export function fuzzRuns(few: number): number {
  return Number(process.env['FUZZ_RUNS'] ?? few)
}
