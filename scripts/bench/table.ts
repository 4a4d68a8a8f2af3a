/** @file The benchmark's rows as lines of a table: they are printed one by one, so their columns have fixed widths. */
import type { Row, Side } from './result.ts'

interface Column {
  readonly title: string
  readonly width: number
  readonly show: (row: Row) => string
}

const columns: readonly Column[] = [
  { title: 'workload', width: -28, show: (row) => row.name },
  { title: 'way', width: -14, show: (row) => row.way },
  { title: 'threads', width: 7, show: (row) => String(row.threads) },
  { title: 'tenon', width: 9, show: (row) => time(row.tenon?.median_s) },
  { title: 'min', width: 9, show: (row) => time(row.tenon?.min_s) },
  { title: 'peer', width: 9, show: (row) => time(row.peer?.median_s) },
  { title: 'min', width: 9, show: (row) => time(row.peer?.min_s) },
  { title: 'ratio', width: 6, show: (row) => row.ratio?.toFixed(2) ?? '' },
  { title: 'of min', width: 6, show: (row) => row.ratio_min?.toFixed(2) ?? '' },
  { title: 'spread', width: 11, show: (row) => pair(row, (side) => side.spread.toFixed(2)) },
  { title: 'MB', width: 11, show: (row) => pair(row, (side) => side.rss_mb.toFixed(0)) },
  {
    title: 'of limit',
    width: 12,
    show: ({ share }) => (share ? `${(100 * share.value).toFixed(0)} % ${share.of}` : ''),
  },
  { title: 'against', width: -14, show: (row) => row.versus ?? '' },
  { title: '', width: 0, show: note },
]

export const header = (): string => line(titles)

export const showRow = (row: Row): string => line(cellsOf(row))

export const titles: readonly string[] = columns.map(({ title }) => title)
export const cellsOf = (row: Row): string[] => columns.map((column) => column.show(row))

/** Seconds as '12.3 us', '4.56 ms', '1.23 s'. */
export function time(seconds: number | undefined): string {
  if (seconds === undefined) return ''
  const [value, unit] = seconds < 1e-3 ? [1e6 * seconds, 'us'] : seconds < 1 ? [1e3 * seconds, 'ms'] : [seconds, 's']
  return `${value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${unit}`
}

function pair({ tenon, peer }: Row, show: (side: Side) => string): string {
  return [tenon, peer].flatMap((side) => (side ? [show(side)] : [])).join(' / ')
}

/** Load beyond the benchmark's own threads that is no matter. */
const OTHERS = 1

/** What a reader must know before using the figures. */
function note({ equal, difference, probe, attempts, threads, load }: Row): string {
  const notes: string[] = []
  if (equal === false) notes.push(`NOT EQUAL: differs by ${difference?.toExponential(1) ?? 'more than numbers say'}`)
  if (probe && !probe.steady) notes.push(`UNSTEADY: the probe moved by more than a fifth, ${attempts} times`)
  else if (attempts > 1) notes.push(`run ${attempts}: the probe moved in those before`)
  // Waiting threads of the peer spin, so it loses more than its share of processors that others use.
  if (load > threads + OTHERS) notes.push(`BUSY: a load of ${load.toFixed(1)} from others as well`)
  return notes.join('; ')
}

function line(cells: readonly string[]): string {
  const padded = cells.map((cell, i) => {
    const { width } = columns[i]!
    return width < 0 ? cell.padEnd(-width) : cell.padStart(width)
  })
  return padded.join('  ').trimEnd()
}
