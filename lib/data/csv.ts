/** @file Tables as streams: CSV and TSV, parsed by csv-parse. Errors name file, row and line. */
import { Readable } from 'node:stream'
import type { Info, Options } from 'csv-parse'
import { checkInteger, checkOptions, fail, TenonError } from '../errors.ts'
import { checkOnError } from './dataset.ts'
import type { OnError } from './dataset.ts'
import { readChunks } from './read-file.ts'
import { shards } from './stream.ts'
import type { ShardOptions, Stream } from './stream.ts'

/** What a field's text becomes. */
export type ColumnType = 'string' | 'number' | 'integer' | 'boolean'

export type CsvValue = string | number | boolean

/** By column name. */
export type CsvRow = Readonly<Record<string, CsvValue>>

export interface ReadCsvOptions extends ShardOptions {
  /** Whether the first row has the names. Default: true, unless `columns` is given. */
  header?: boolean
  /** The names, for files without a header; or instead of the header's. */
  columns?: readonly string[]
  /** Default: a tab for files named .tsv or .tab (or that with .gz), else a comma. */
  delimiter?: string
  /** Types of all columns, or of some by name. Default: 'string'. */
  types?: ColumnType | Readonly<Record<string, ColumnType>>
  /** Texts that stand for a number that is missing: NaN. Default: none, so that they are errors. */
  missing?: readonly string[]
  /** Lines that begin with this are left out. Default: none are. */
  comment?: string
  /** With rows that are too short, too long or have a wrong value. Default: 'throw'. */
  onError?: OnError
  /** A longer row is an error: FORMAT. Default: 1 MiB. */
  maxRowBytes?: number
}

const OPTION_NAMES = [
  'header',
  'columns',
  'delimiter',
  'types',
  'missing',
  'comment',
  'onError',
  'maxRowBytes',
  'shuffleFiles',
]

/**
 * The rows of CSV or TSV files (.gz too) by column name: `for await (const { age, name } of readCsv('people.csv', { types: { age:
 * 'number' } }))`. Rows count from 1, without the header.
 */
export function readCsv(files: string | readonly string[], options: ReadCsvOptions = {}): Stream<CsvRow> {
  checkOptions('readCsv', options, OPTION_NAMES)
  const { columns, onError = 'throw', maxRowBytes = 1 << 20, header = columns === undefined } = options
  checkInteger('readCsv', 'maxRowBytes', maxRowBytes, 1)
  checkOnError('readCsv', onError)
  checkTypes(options.types)
  if (!header && !columns) fail('VALUE', 'readCsv', 'without a header it needs the names: columns.')
  return shards(files, (file) => rowsOf(file, { ...options, onError, maxRowBytes, header }), {
    shuffleFiles: options.shuffleFiles,
  })
}

function checkTypes(types: ReadCsvOptions['types']): void {
  const given = typeof types === 'string' ? [types] : Object.values(types ?? {})
  for (const type of given)
    if (!Object.hasOwn(CONVERT, type))
      fail('VALUE', 'readCsv', `a type is one of ${Object.keys(CONVERT).join(', ')}, got ${String(type)}.`)
}

type Settings = ReadCsvOptions & Required<Pick<ReadCsvOptions, 'header' | 'onError' | 'maxRowBytes'>>

async function* rowsOf(file: string, settings: Settings): AsyncGenerator<CsvRow> {
  const { onError, header } = settings
  const report = (error: TenonError) => {
    if (onError === 'throw') throw error
    if (onError !== 'skip') onError(error)
  }
  let columns = settings.columns && columnsOf(file, settings.columns, settings)
  let row = header ? -1 : 0
  for await (const { record, info } of recordsOf(file, settings, report)) {
    row++
    if (header && row === 0) {
      columns ??= columnsOf(file, record, settings)
      continue
    }
    const where = `${file}, row ${row} (line ${info.lines})`
    const made = rowOf(where, columns!, record, settings.missing ?? [])
    if (made instanceof TenonError) report(made)
    else yield made
  }
}

interface Found {
  readonly record: readonly string[]
  readonly info: Info
}

/** Records of one file as lists of texts. */
async function* recordsOf(
  file: string,
  settings: Settings,
  report: (error: TenonError) => void,
): AsyncGenerator<Found> {
  const { parse } = await import('csv-parse')
  const asFormat = (error: { message: string; lines?: number }) => {
    const where = error.lines === undefined ? file : `${file}, line ${error.lines}`
    return new TenonError('FORMAT', 'readCsv', `${where}: ${error.message.replace(/\.?$/, '.')}`, { cause: error })
  }
  const skips = settings.onError !== 'throw'
  const options: Options = {
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true,
    delimiter: settings.delimiter ?? (/\.(tsv|tab)(\.gz)?$/i.test(file) ? '\t' : ','),
    comment: settings.comment ?? null,
    comment_no_infix: true,
    max_record_size: settings.maxRowBytes,
    skip_records_with_error: skips,
  }
  const parser = parse(options)
  parser.on('skip', (error: Error) => report(asFormat(error)))
  const source = Readable.from(readChunks('readCsv', file))
  source.on('error', (error) => parser.destroy(error))
  try {
    for await (const found of source.pipe(parser)) yield found as Found
  } catch (error) {
    throw error instanceof TenonError ? error : asFormat(error as Error)
  } finally {
    source.destroy()
  }
}

interface Column {
  readonly name: string
  readonly type: ColumnType
}

function columnsOf(file: string, names: readonly string[], { types = 'string' }: Settings): Column[] {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice !== undefined) fail('FORMAT', 'readCsv', `${file}: the column '${twice}' is there twice.`)
  if (typeof types === 'string') return names.map((name) => ({ name, type: types }))
  const unknown = Object.keys(types).find((name) => !names.includes(name))
  if (unknown !== undefined)
    fail('FORMAT', 'readCsv', `${file}: there is no column '${unknown}', only ${names.join(', ')}.`)
  return names.map((name) => ({ name, type: Object.hasOwn(types, name) ? types[name]! : 'string' }))
}

/** Gives undefined for what is not of the type. */
const CONVERT: Readonly<Record<ColumnType, (text: string) => CsvValue | undefined>> = {
  string: (text) => text,
  number: (text) => (text.trim() === '' || Number.isNaN(Number(text)) ? undefined : Number(text)),
  integer: (text) => (text.trim() !== '' && Number.isSafeInteger(Number(text)) ? Number(text) : undefined),
  boolean: (text) => ({ true: true, '1': true, false: false, '0': false })[text.trim().toLowerCase()],
}

function rowOf(
  where: string,
  columns: readonly Column[],
  record: readonly string[],
  missing: readonly string[],
): CsvRow | TenonError {
  if (record.length !== columns.length) {
    return new TenonError(
      'FORMAT',
      'readCsv',
      `${where}: has ${record.length} fields where ${columns.length} are expected.`,
    )
  }
  // No prototype: a column may be called anything.
  const row = Object.create(null) as Record<string, CsvValue>
  for (let i = 0; i < columns.length; i++) {
    const { name, type } = columns[i]!
    const text = record[i]!
    const value = type === 'number' && missing.includes(text) ? NaN : CONVERT[type](text)
    if (value === undefined) {
      return new TenonError(
        'FORMAT',
        'readCsv',
        `${where}, column '${name}': '${text.slice(0, 40)}' is not of type ${type}.`,
      )
    }
    row[name] = value
  }
  return row
}
