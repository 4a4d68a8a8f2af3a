/** @file Loggers: what they write is read back, TensorBoard's files also by TensorBoard itself where it is installed. */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { decode } from 'fast-png'
import { CsvLogger, JsonLinesLogger, TensorBoardLogger } from 'tenon'
import * as assert from 'uvu/assert'
import { histogramOf } from '../../lib/train/histogram.ts'
import { crc32c } from '../../lib/train/tfrecord.ts'
import { readEvents } from '../support/event-file.ts'
import { suite } from '../support/suite.ts'

const test = suite('logs')
const dir = mkdtempSync(join(tmpdir(), 'tenon-logs-'))
test.after(() => rmSync(dir, { recursive: true, force: true }))

const linesOf = (path: string) => readFileSync(path, 'utf8').split('\n')
const messageOf = (promise: Promise<unknown>): Promise<string> => {
  return promise.then(
    () => '',
    (error: Error) => error.message,
  )
}

test('CsvLogger: a row for a step, and a column for each name whenever it comes', async () => {
  const path = join(dir, 'new/folder/log.csv')
  const log = new CsvLogger(path)
  log.scalar('loss', 1.5, 1)
  log.scalar('loss', NaN, 2)
  log.scalar('top, "5"', 0.25, 2)
  await sleep(20)
  log.scalar('val\nloss', 3, 3)
  await log.close()
  assert.equal(linesOf(path), ['step,loss,"top, ""5""",val loss', '1,1.5,,', '2,NaN,0.25,', '3,,,3', ''])
})

test('CsvLogger: goes on behind what is there, without a row that was cut short', async () => {
  const path = join(dir, 'resumed.csv')
  const first = new CsvLogger(path)
  first.scalar('a, b', 1, 1)
  await first.close()
  appendFileSync(path, '2,0.')
  const second = new CsvLogger(path)
  second.scalar('a, b', 2, 2)
  second.scalar('c', 3, 2)
  await second.close()
  assert.equal(linesOf(path), ['step,"a, b",c', '1,1,', '2,2,3', ''])
  const third = new CsvLogger(path, { append: false })
  third.scalar('d', 4, 1)
  await third.close()
  assert.equal(linesOf(path), ['step,d', '1,4', ''])
})

test('CsvLogger: a file that is no log is left alone', () => {
  const path = join(dir, 'shopping.csv')
  writeFileSync(path, 'milk,2\n')
  assert.throws(() => new CsvLogger(path), /shopping.csv is there already and is no log/)
  assert.equal(linesOf(path), ['milk,2', ''])
  assert.throws(() => new CsvLogger(path, { apend: true } as object), /Did you mean 'append'/)
})

test('CsvLogger: a name that is logged twice in a step loses nothing', async () => {
  const path = join(dir, 'twice.csv')
  const log = new CsvLogger(path)
  log.scalar('loss', 1, 7)
  log.scalar('loss', 2, 7)
  await log.close()
  assert.equal(linesOf(path), ['step,loss', '7,1', '7,2', ''])
})

test('JsonLinesLogger: an object a line; numbers that JSON has not are texts', async () => {
  const path = join(dir, 'log.jsonl')
  writeFileSync(path, '{"step":0}\n{"ste')
  const log = new JsonLinesLogger(path)
  log.scalar('loss', 0.5, 1)
  log.scalar('loss', -Infinity, 2)
  log.histogram('weights', [1, 2, NaN, 4], 2)
  log.histogram('nothing', [NaN], 2)
  log.text('note', 'two\nlines', 3)
  await log.close()
  const records = linesOf(path)
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(
    records.map(({ step }) => step),
    [0, 1, 2, 2, 3],
  )
  assert.equal(
    records.map(({ value }) => value),
    [undefined, 0.5, '-Infinity', undefined, undefined],
  )
  assert.is((records[3]!.histogram as { num: number }).num, 3)
  assert.is(records[4]!.text, 'two\nlines')
  assert.ok(Math.abs((records[1]!.time as number) - Date.now() / 1000) < 60)
})

test('loggers: what cannot be written warns, does not throw into the training, and is told by close', async () => {
  const folder = join(dir, 'gone')
  const log = new JsonLinesLogger(join(folder, 'log.jsonl'))
  rmSync(folder, { recursive: true })
  const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
  log.scalar('loss', 1, 1)
  assert.match((await warned).message, 'log.jsonl: cannot be written')
  log.scalar('loss', 1, 2)
  assert.match(await messageOf(log.close()), /JsonLinesLogger: .*log.jsonl: cannot be written: ENOENT/)
  assert.throws(() => log.scalar('loss', 1, 3), /was closed/)
})

test('histogram: counts every number once, whatever their range', () => {
  const cases = [
    [1],
    [2, 2, 2],
    [-1, 0, 1],
    [0, 1e308, -1e308],
    [1e-320, 0],
    Array.from({ length: 500 }, (_, i) => Math.sin(i)),
  ]
  for (const values of cases) {
    const found = histogramOf([...values, NaN, Infinity])!
    assert.is(
      found.counts.reduce((a, b) => a + b),
      values.length,
    )
    assert.is(found.num, values.length)
    assert.is(found.limits.length, found.counts.length)
    assert.is(found.limits.at(-1), found.max)
    assert.ok(found.limits.every((limit, i) => i === 0 || limit >= found.limits[i - 1]!))
  }
  assert.is(histogramOf([NaN]), null)
  assert.equal(histogramOf([0, 1, 2, 3], 3)!.counts, [1, 1, 2])
})

test('crc32c: the value of its standard', () => assert.is(crc32c(Buffer.from('123456789')), 0xe3069283))

const pixels = Uint8Array.from({ length: 36 }, (_, i) => i * 7)
let events = ''

test('TensorBoardLogger: the format, read by its documentation', async () => {
  const log = new TensorBoardLogger(join(dir, 'run'))
  events = log.path
  log.scalar('train/loss', 0.5, 3)
  log.scalar('train/loss', NaN, 300)
  log.histogram('weights', Float32Array.of(-1, 0, 0.5, 2), 4)
  log.histogram('none', [], 4)
  const image = { width: 4, height: 3, channels: 3, pixels: pixels.slice() }
  log.image('picture', image, 5)
  image.pixels.fill(0)
  log.text('note', 'größer', 6)
  await log.close()
  const [version, ...rest] = readEvents(readFileSync(events))
  assert.is(version!.text(3), 'brain.Event:2')
  assert.ok(Math.abs(version!.number(1) - Date.now() / 1000) < 60)
  const values = rest.map((event) => ({ step: event.number(2), value: event.message(5).message(1) }))
  assert.equal(
    values.map(({ step }) => step),
    [3, 300, 4, 5, 6],
  )
  assert.equal(
    values.map(({ value }) => value.text(1)),
    ['train/loss', 'train/loss', 'weights', 'picture', 'note'],
  )
  const [loss, nan, weights, picture, note] = values.map(({ value }) => value)
  assert.is(loss!.number(2), 0.5)
  assert.ok(Number.isNaN(nan!.number(2)))
  const histogram = weights!.message(5)
  assert.equal(
    [1, 2, 3, 4, 5].map((field) => histogram.number(field)),
    [-1, 2, 4, 1.5, 5.25],
  )
  assert.is(histogram.doubles(6).at(-1), 2)
  assert.is(
    histogram.doubles(7).reduce((a, b) => a + b),
    4,
  )
  assert.equal(
    [1, 2, 3].map((field) => picture!.message(4).number(field)),
    [3, 4, 3],
  )
  assert.equal(Uint8Array.from(decode(picture!.message(4).bytes(4)).data), pixels)
  assert.is(note!.message(9).message(1).text(1), 'text')
  assert.is(note!.message(8).text(8), 'größer')
})

test('TensorBoardLogger: two in a folder do not share a file; pictures and steps are checked', async () => {
  const logs = [new TensorBoardLogger(join(dir, 'two')), new TensorBoardLogger(join(dir, 'two'))]
  assert.is.not(logs[0]!.path, logs[1]!.path)
  const bad = { width: 2, height: 2, channels: 3, pixels: new Uint8Array(4) }
  assert.throws(() => logs[0]!.image('bad', bad, 0), /2 x 2 x 3 is a Uint8Array of 12 numbers, got 4/)
  assert.throws(() => logs[0]!.scalar('bad', 1, 0.5), /step must be an integer/)
  await Promise.all(logs.map((log) => log.close()))
})

const python = process.env.PYTHON ?? 'python3'
const hasReader = spawnSync(python, ['-c', 'import tensorboard']).status === 0
const script = `
import json, sys
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.util import tensor_util
for event in EventFileLoader(sys.argv[1]).Load():
    for value in event.summary.value:
        array = tensor_util.make_ndarray(value.tensor)
        content = array.tolist() if array.dtype.kind == 'f' else [item.hex() for item in array.flatten()]
        print(json.dumps([event.step, value.tag, value.metadata.plugin_data.plugin_name, content]))
`
const readerTest = hasReader ? test : test.skip
readerTest(`TensorBoardLogger: TensorBoard's own reader sees the same (needs ${python} with tensorboard)`, () => {
  const output = execFileSync(python, ['-c', script, events], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  const found = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line.replace('NaN', 'null')) as [number, string, string, unknown[]])
  const heads = found.map(([step, tag, plugin]) => [step, tag, plugin])
  assert.equal(heads, [
    [3, 'train/loss', 'scalars'],
    [300, 'train/loss', 'scalars'],
    [4, 'weights', 'histograms'],
    [5, 'picture', 'images'],
    [6, 'note', 'text'],
  ])
  const contents = found.map(([, , , content]) => content)
  assert.equal(contents.slice(0, 2), [0.5, null])
  const bars = contents[2] as [number, number, number][]
  assert.is(
    bars.reduce((n, [, , count]) => n + count, 0),
    4,
  )
  assert.equal([bars[0]![0], bars.at(-1)![1]], [-1, 2])
  const [width, height, png] = contents[3]!.map((hex) => Buffer.from(hex as string, 'hex'))
  assert.equal([String(width), String(height)], ['4', '3'])
  assert.equal(Uint8Array.from(decode(png!).data), pixels)
  assert.is(Buffer.from(contents[4]![0] as string, 'hex').toString(), 'größer')
})
