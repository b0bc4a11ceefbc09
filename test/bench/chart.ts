// The figures as a picture: a group of bars for each scenario, a bar for each system, drawn as SVG.
import type { Result } from './result.ts'
import type { Figure } from './scenario.ts'
import { shown } from './statistics.ts'

/** Pixels. */
const WIDTH = 1200
const MARGIN = 24
const COLUMN_GAP = 40
const COLUMNS = 2
const COLUMN_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * COLUMN_GAP) / COLUMNS
const LABEL_WIDTH = 200
const VALUE_WIDTH = 110
const ROW = 18
const BAR = 12
const TITLE = 40
const GROUP_GAP = 18
const TOP = 70

/** Longer bars are cut, at so many times the first one: what is a hundred times slower must not hide the rest. */
const CUT = 6

const OURS = '#0b6e4f'
const FLOOR = '#8d99ae'
const PEER = '#c8553d'

/** `heading` says when and where it was measured. */
export function chartOf(results: readonly Result[], heading: string): string {
  const columns = inColumns(results.filter(({ figures }) => figures.length > 0))
  const height = TOP + Math.max(0, ...columns.map(heightOf)) + MARGIN
  const groups = columns.flatMap((column, at) =>
    drawColumn(column, MARGIN + at * (COLUMN_WIDTH + COLUMN_GAP)),
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${text(MARGIN, 30, 'Shorter bars are better', 'font-size="20" font-weight="bold" fill="#1b1b1e"')}
${text(MARGIN, 50, heading, 'fill="#55555c"')}
${groups.join('\n')}
</svg>
`
}

/** The first groups to the left, so many that both columns are about as high. */
function inColumns(results: readonly Result[]): readonly (readonly Result[])[] {
  const share = heightOf(results) / COLUMNS
  const columns: Result[][] = Array.from({ length: COLUMNS }, () => [])
  let above = 0
  for (const result of results) {
    const column = Math.min(COLUMNS - 1, Math.floor(above / share))
    columns[column]?.push(result)
    above += groupHeight(result)
  }
  return columns
}

function heightOf(results: readonly Result[]): number {
  return results.reduce((sum, result) => sum + groupHeight(result), 0)
}

function groupHeight({ figures }: Result): number {
  return TITLE + figures.length * ROW + GROUP_GAP
}

function drawColumn(results: readonly Result[], x: number): string[] {
  let y = TOP
  return results.map((result) => {
    const group = drawGroup(result, x, y)
    y += groupHeight(result)
    return group
  })
}

function drawGroup({ scenario, figures }: Result, x: number, y: number): string {
  const first = figures[0]?.value ?? 0
  const longest = Math.max(...figures.map(({ value }) => value))
  const scale = first > 0 ? Math.min(longest, CUT * first) : longest
  return [
    text(x, y + 14, `${scenario.name} (${scenario.unit})`, 'font-weight="bold" fill="#1b1b1e"'),
    text(x, y + 30, shortened(scenario.title), 'font-size="10" fill="#55555c"'),
    ...figures.map((figure, at) => drawBar(figure, { x, y: y + TITLE + at * ROW, scale, first })),
  ].join('\n')
}

interface Bar {
  readonly x: number
  readonly y: number
  /** The value of the longest bar. */
  readonly scale: number
  /** The value that others are told as multiples of. */
  readonly first: number
}

function drawBar({ subject, value }: Figure, { x, y, scale, first }: Bar): string {
  const room = COLUMN_WIDTH - LABEL_WIDTH - VALUE_WIDTH
  const isCut = value > scale
  const width = scale > 0 ? Math.max(1, (Math.min(value, scale) / scale) * room) : 1
  const start = x + LABEL_WIDTH
  const times = first > 0 && value !== first ? `  ×${shown(value / first)}` : ''
  // A white slash says that the bar goes on.
  const slash = `<path d="M${start + width - 14} ${y + BAR + 2}l6 -${BAR + 4}" stroke="#ffffff" stroke-width="3"/>`
  return [
    text(start - 8, y + BAR - 2, subject, 'text-anchor="end" font-size="11" fill="#1b1b1e"'),
    `<rect x="${start}" y="${y}" width="${width.toFixed(1)}" height="${BAR}" fill="${colourOf(subject)}"/>`,
    ...(isCut ? [slash] : []),
    text(start + width + 6, y + BAR - 2, `${shown(value)}${times}`, 'font-size="11" fill="#55555c"'),
  ].join('')
}

function colourOf(subject: string): string {
  if (subject.startsWith('dockgate')) return OURS
  if (/bare|static/.test(subject)) return FLOOR
  return /nginx|registry|distribution/.test(subject) ? PEER : OURS
}

function shortened(title: string): string {
  return title.length > 100 ? `${title.slice(0, 99)}…` : title
}

function text(x: number, y: number, content: string, attributes: string): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
