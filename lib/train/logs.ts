/** @file Loggers: where a training writes its numbers. Text files are here; TensorBoard's are in tensorboard.ts. */
import { closeSync, existsSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, readFileSync } from 'node:fs'
import { appendFile, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { checkOptions, fail } from '../errors.ts'
import { Background } from './background.ts'
import { histogramOf } from './histogram.ts'

/** A picture, row by row, the channels of a pixel together: 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha. */
export interface Picture {
  readonly width: number
  readonly height: number
  readonly channels: number
  readonly pixels: Uint8Array
}

/** What takes the numbers of a training. Methods return at once; writing happens behind. */
export interface Logger {
  scalar(name: string, value: number, step: number): void
  histogram?(name: string, values: ArrayLike<number>, step: number): void
  image?(name: string, image: Picture, step: number): void
  text?(name: string, text: string, step: number): void
  /** Waits until everything is written; throws what went wrong with it. */
  close(): Promise<void>
}

export interface LogFileOptions {
  /** Go on behind what the file holds, without a line that was cut short. Default: true; false begins anew. */
  append?: boolean
}

/**
 * Scalars as CSV: a row for a step, a column for a name. A name that comes later gets a column too, empty in the rows before.
 */
export class CsvLogger implements Logger {
  readonly #path: string
  readonly #work: Background<Row>
  /** Columns of the file as it is. */
  #columns: string[]
  #row: Row | null = null

  constructor(path: string, options: LogFileOptions = {}) {
    const isNew = openLog('CsvLogger', path, options)
    this.#path = path
    this.#columns = isNew ? [] : columnsOf(path)
    this.#work = new Background('CsvLogger', path, (rows) => this.#write(rows))
  }

  scalar(name: string, value: number, step: number): void {
    if (this.#row && (this.#row.step !== step || this.#row.values.has(name))) this.#finishRow()
    this.#row ??= { step, values: new Map() }
    this.#row.values.set(name, value)
  }

  async close(): Promise<void> {
    this.#finishRow()
    await this.#work.close()
  }

  #finishRow(): void {
    if (this.#row) this.#work.push(this.#row)
    this.#row = null
  }

  async #write(rows: readonly Row[]): Promise<void> {
    const names = rows.flatMap(({ values }) => [...values.keys()])
    const added = [...new Set(this.#columns.length > 0 ? names : ['step', ...names])].filter(
      (name) => !this.#columns.includes(name),
    )
    if (added.length > 0) await this.#addColumns(added)
    const lines = rows.map(({ step, values }) =>
      [step, ...this.#columns.slice(1).map((name) => values.get(name) ?? '')].join(','),
    )
    await appendFile(this.#path, `${lines.join('\n')}\n`)
  }

  /** Writes the file anew, aside: it is whole at any moment. */
  async #addColumns(added: readonly string[]): Promise<void> {
    const columns = [...this.#columns, ...added]
    const [, ...rows] = (await readFile(this.#path, 'utf8')).split('\n').filter(Boolean)
    const lines = [columns.map(quote).join(','), ...rows.map((row) => row + ','.repeat(added.length))]
    await writeFile(`${this.#path}.part`, `${lines.join('\n')}\n`)
    await rename(`${this.#path}.part`, this.#path)
    this.#columns = columns
  }
}

interface Row {
  readonly step: number
  readonly values: Map<string, number>
}

/** A cell; a name with a line break would make two lines of one. */
function quote(name: string): string {
  const cell = name.replaceAll(/[\r\n]+/g, ' ')
  return /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell
}

/** The names in the first line of a log. */
function columnsOf(path: string): string[] {
  const [head = ''] = readFileSync(path, 'utf8').split('\n', 1)
  const cells = [...head.matchAll(/("(?:[^"]|"")*"|[^,]*)(,|$)/g)].map((match) => match[1]!)
  // The pattern finds an empty cell at the end.
  const columns = cells
    .slice(0, -1)
    .map((cell) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell))
  if (columns[0] === 'step') return columns
  return fail(
    'FORMAT',
    'CsvLogger',
    `${path} is there already and is no log. Take another name, or { append: false } to replace it.`,
  )
}

/**
 * One JSON object a line: step, name, time in seconds since 1970, and `value`, `text` or `histogram`. Numbers that JSON does not know
 * are the strings 'NaN', 'Infinity', '-Infinity'.
 */
export class JsonLinesLogger implements Logger {
  readonly #work: Background<string>

  constructor(path: string, options: LogFileOptions = {}) {
    openLog('JsonLinesLogger', path, options)
    this.#work = new Background('JsonLinesLogger', path, (lines) => appendFile(path, lines.join('')))
  }

  scalar(name: string, value: number, step: number): void {
    this.#push(step, name, { value })
  }

  histogram(name: string, values: ArrayLike<number>, step: number): void {
    const histogram = histogramOf(values)
    if (histogram) this.#push(step, name, { histogram })
  }

  text(name: string, text: string, step: number): void {
    this.#push(step, name, { text })
  }

  close(): Promise<void> {
    return this.#work.close()
  }

  #push(step: number, name: string, content: object): void {
    const line = JSON.stringify({ step, name, time: Date.now() / 1000, ...content }, (_, value: unknown) =>
      typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
    )
    this.#work.push(`${line}\n`)
  }
}

/** Makes the file, and its folder; cuts off a last line that was not written to its end. Whether it is empty. */
function openLog(op: string, path: string, options: LogFileOptions): boolean {
  checkOptions(op, options, ['append'])
  mkdirSync(dirname(path), { recursive: true })
  const { append = true } = options
  const file = openSync(path, append && existsSync(path) ? 'r+' : 'w')
  try {
    const { size } = fstatSync(file)
    const end = endOfLastLine(file, size)
    if (end < size) ftruncateSync(file, end)
    return end === 0
  } finally {
    closeSync(file)
  }
}

function endOfLastLine(file: number, size: number): number {
  const piece = Buffer.alloc(1 << 16)
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - piece.length)
    const found = piece.subarray(0, readSync(file, piece, 0, end - start, start)).lastIndexOf('\n')
    if (found >= 0) return start + found + 1
    end = start
  }
  return 0
}
