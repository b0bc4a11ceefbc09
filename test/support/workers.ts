// What a test wants to know of the worker processes of a gateway.
import { readFile } from 'node:fs/promises'
import type { RunningGateway } from './gateway.ts'
import { send } from './http.ts'

/** Process ids of the workers, in the order in which they were started. */
export async function workersOf({ program }: RunningGateway): Promise<number[]> {
  const children = await readFile(`/proc/${program.pid}/task/${program.pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

export async function metricsOf({ adminUrl }: RunningGateway): Promise<string> {
  return (await send(`${adminUrl}/metrics`)).text()
}

/** The sum of a metric over its labels; `labels` is a part of them. */
export function sumOf(metrics: string, name: string, labels = ''): number {
  const values = metrics
    .split('\n')
    .filter((line) => line.startsWith(name) && line.includes(labels))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  return values.reduce((sum, value) => sum + value, 0)
}
