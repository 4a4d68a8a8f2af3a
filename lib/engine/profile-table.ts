/** @file A profile as text: instructions of the same kind on one line, the dearest first. */
import { showBytes, showCount } from '../units.ts'
import type { InstrProfile, Profile } from './profile.ts'

const MOST_LINES = 40
const MOST_LETTERS = 72

const columns: readonly { readonly title: string; readonly show: (line: Line, whole: Profile) => string }[] = [
  { title: 'time', show: ({ seconds }) => microseconds(seconds) },
  { title: 'share', show: ({ seconds }, whole) => `${((100 * seconds) / whole.seconds).toFixed(1)} %` },
  { title: 'times', show: ({ count }) => String(count) },
  { title: 'FLOP/s', show: ({ flops, seconds }) => (flops > 0 ? showCount(flops / seconds) : '') },
  { title: 'bytes/s', show: ({ bytes, seconds }) => (bytes > 0 ? showBytes(bytes / seconds) : '') },
  { title: 'op', show: ({ op }) => op },
  { title: 'kernel', show: ({ kernel }) => shorten(kernel) },
  { title: 'operands', show: ({ operands }) => shorten(operands) },
]
/** Text from here on; numbers before. */
const FIRST_TEXT = 5

type Line = Omit<InstrProfile, 'site'>

export function showProfile(whole: Profile): string {
  const lines = merge(whole.instructions)
  const rows = lines.slice(0, MOST_LINES).map((line) => columns.map(({ show }) => show(line, whole)))
  const table = [columns.map(({ title }) => title), ...rows]
  const widths = columns.map((_, i) => Math.max(...table.map((row) => row[i]!.length)))
  const text = table.map((row) =>
    row
      .map((cell, i) => (i < FIRST_TEXT ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
  if (lines.length > MOST_LINES) text.push(`and ${lines.length - MOST_LINES} more lines`)
  const { seconds, between, flops, bytes, runs } = whole
  text.push(
    `${microseconds(seconds)} a run (median of ${runs}), ${microseconds(between)} of it between instructions; ` +
      `${showCount(flops)}FLOP, ${showCount(flops / seconds)}FLOP/s; ${showBytes(bytes)}, ${showBytes(bytes / seconds)}/s`,
  )
  return text.join('\n')
}

/** Instructions that differ in nothing but where they stand are one line. */
function merge(instructions: readonly InstrProfile[]): Line[] {
  const lines = new Map<string, Line>()
  for (const { op, kernel, operands, ...more } of instructions) {
    if (more.count === 0) continue
    const key = `${op}|${kernel}|${operands}`
    const sum = (name: 'count' | 'seconds' | 'flops' | 'bytes') => (lines.get(key)?.[name] ?? 0) + more[name]
    const figures = { count: sum('count'), seconds: sum('seconds'), flops: sum('flops'), bytes: sum('bytes') }
    lines.set(key, { op, kernel, operands, ...figures })
  }
  return [...lines.values()].sort((a, b) => b.seconds - a.seconds)
}

const microseconds = (seconds: number): string => `${(1e6 * seconds).toFixed(1)} us`

const shorten = (text: string): string => (text.length <= MOST_LETTERS ? text : `${text.slice(0, MOST_LETTERS - 3)}...`)
