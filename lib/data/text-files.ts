/** @file Text files as streams: lines, and JSON lines. Plain or gzipped, one file or many. */
import { checkInteger, checkOptions, TenonError } from '../errors.ts'
import { checkOnError } from './dataset.ts'
import type { OnError } from './dataset.ts'
import { readTextLines } from './read-file.ts'
import { shards } from './stream.ts'
import type { ShardOptions, Stream } from './stream.ts'

export interface ReadLinesOptions extends ShardOptions {
  /** A longer line is an error: FORMAT. Default: 16 MiB. */
  maxLineBytes?: number
  /** Leave out lines of nothing but white space. Default: false. */
  skipEmpty?: boolean
}

export interface ReadJsonLinesOptions extends ShardOptions {
  /** A longer line is an error: FORMAT. Default: 16 MiB. */
  maxLineBytes?: number
  /** With lines that are not JSON. Default: 'throw'. */
  onError?: OnError
}

const MAX_LINE_BYTES = 1 << 24

/** The lines of UTF-8 text files (.gz too), without their ends. */
export function readLines(files: string | readonly string[], options: ReadLinesOptions = {}): Stream<string> {
  checkOptions('readLines', options, ['maxLineBytes', 'skipEmpty', 'shuffleFiles'])
  const { maxLineBytes = MAX_LINE_BYTES, skipEmpty = false, shuffleFiles } = options
  checkInteger('readLines', 'maxLineBytes', maxLineBytes, 1)
  return shards(
    files,
    async function* (file) {
      for await (const { text } of readTextLines('readLines', file, maxLineBytes)) {
        if (!skipEmpty || text.trim() !== '') yield text
      }
    },
    { shuffleFiles },
  )
}

/** The values of JSON lines files (.jsonl, .gz too): one on each line; empty lines are left out. Errors name file and line. */
export function readJsonLines<T = unknown>(
  files: string | readonly string[],
  options: ReadJsonLinesOptions = {},
): Stream<T> {
  checkOptions('readJsonLines', options, ['maxLineBytes', 'onError', 'shuffleFiles'])
  const { maxLineBytes = MAX_LINE_BYTES, onError = 'throw', shuffleFiles } = options
  checkInteger('readJsonLines', 'maxLineBytes', maxLineBytes, 1)
  checkOnError('readJsonLines', onError)
  return shards(
    files,
    async function* (file) {
      for await (const { text, number } of readTextLines('readJsonLines', file, maxLineBytes)) {
        if (text.trim() === '') continue
        const value = parseJson(text, `${file}, line ${number}`)
        if (!(value instanceof TenonError)) yield value as T
        else if (onError === 'throw') throw value
        else if (onError !== 'skip') onError(value)
      }
    },
    { shuffleFiles },
  )
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    return new TenonError('FORMAT', 'readJsonLines', `${where}: is not JSON: ${(error as Error).message}.`, {
      cause: error,
    })
  }
}
