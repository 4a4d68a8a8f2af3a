/** @file Lines, JSON lines and tables: what they read, how they fail, files that lie. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('text files')

const folder = mkdtempSync(join(tmpdir(), 'tenon-text-'))
test.after(() => rmSync(folder, { recursive: true }))

let files = 0
function write(content: string | Uint8Array, name = 'file.txt'): string {
  const path = join(folder, `${files++}-${name}`)
  writeFileSync(path, content)
  return path
}

const all = async <S>(stream: AsyncIterable<S>): Promise<S[]> => {
  const samples: S[] = []
  for await (const sample of stream) samples.push(sample)
  return samples
}

async function failure(work: Promise<unknown> | (() => unknown)): Promise<TenonError> {
  try {
    await (typeof work === 'function' ? work() : work)
  } catch (error) {
    return error as TenonError
  }
  throw new Error('nothing was thrown')
}

const LINES: [title: string, content: string, lines: string[]][] = [
  ['nothing', '', []],
  ['no end at the end', 'a\nb', ['a', 'b']],
  ['an end at the end', 'a\nb\n', ['a', 'b']],
  ['the ends of Windows', 'a\r\nb\r\n', ['a', 'b']],
  ['empty lines', '\n\na\n\n', ['', '', 'a', '']],
  ['a byte order mark', '\ufeffa\nb', ['a', 'b']],
  ['letters of several bytes', 'ä\n日本\n🙂', ['ä', '日本', '🙂']],
  ['lines beyond a chunk', `${'x'.repeat(100_000)}\n${'é'.repeat(70_000)}`, ['x'.repeat(100_000), 'é'.repeat(70_000)]],
]

for (const [title, content, lines] of LINES) {
  test(`readLines: ${title}, plain and gzipped`, async () => {
    assert.equal(await all(data.readLines(write(content))), lines)
    assert.equal(await all(data.readLines(write(gzipSync(content), 'x.gz'))), lines)
  })
}

test('readLines: several files, without empty lines', async () => {
  assert.equal(await all(data.readLines([write('a\n \nb\n'), write('c')], { skipEmpty: true })), ['a', 'b', 'c'])
})

test('readLines: a file that is missing, too long a line, bytes that are no text, a folder', async () => {
  const missing = await failure(all(data.readLines(join(folder, 'nowhere'))))
  assert.is(missing.code, 'FORMAT')
  assert.match(missing.message, /readLines: .*nowhere: there is no such file/)
  assert.match(
    (await failure(all(data.readLines(write('ok\n12345'), { maxLineBytes: 4 })))).message,
    'line 2: is longer than 4 bytes',
  )
  assert.match(
    (await failure(all(data.readLines(write(Buffer.from([97, 10, 0xff, 10])))))).message,
    'line 2: is not UTF-8',
  )
  assert.is((await failure(all(data.readLines(folder)))).code, 'FORMAT')
  assert.is((await failure(() => data.readLines('x', { max: 1 } as object))).code, 'OPTION')
})

test('readLines: a small gzip file that unpacks to an endless line costs no memory', async () => {
  const path = write(gzipSync(Buffer.alloc(1 << 26)), 'bomb.gz')
  const before = process.memoryUsage().rss
  assert.match((await failure(all(data.readLines(path, { maxLineBytes: 1 << 20 })))).message, 'is longer')
  assert.ok(process.memoryUsage().rss - before < 48 << 20)
})

test('readJsonLines: values, and lines that are none', async () => {
  assert.equal(await all(data.readJsonLines(write('{"a":1}\n\n[2]\n"x"\n'))), [{ a: 1 }, [2], 'x'])
  const path = write('{"a":1}\n{"a":\n3\n')
  const error = await failure(all(data.readJsonLines(path)))
  assert.is(error.code, 'FORMAT')
  assert.match(error.message, `${path}, line 2: is not JSON`)
  assert.equal(await all(data.readJsonLines(path, { onError: 'skip' })), [{ a: 1 }, 3])
  const told: string[] = []
  await all(data.readJsonLines(path, { onError: (e) => told.push(e.message) }))
  assert.is(told.length, 1)
})

const rowsOf = async (content: string, options: data.ReadCsvOptions = {}, name = 'table.csv') =>
  (await all(data.readCsv(write(content, name), options))).map((row) => ({ ...row }))

test('readCsv: names from the header, quotes, types', async () => {
  assert.equal(await rowsOf('name,age\n"Ann, ""A""",30\n"two\nlines",4\n'), [
    { name: 'Ann, "A"', age: '30' },
    { name: 'two\nlines', age: '4' },
  ])
  assert.equal(
    await rowsOf('a,b,c,d\n1.5,2,true,x\n-1e3,-7,0,y', { types: { a: 'number', b: 'integer', c: 'boolean' } }),
    [
      { a: 1.5, b: 2, c: true, d: 'x' },
      { a: -1000, b: -7, c: false, d: 'y' },
    ],
  )
  assert.equal(await rowsOf('\ufeffa,b\r\n1,2\r\n\r\n3,4\r\n', { types: 'number' }), [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ])
})

test("readCsv: names of one's own, TSV, other delimiters, comments, missing numbers", async () => {
  assert.equal(await rowsOf('1,2\n', { columns: ['x', 'y'] }), [{ x: '1', y: '2' }])
  assert.equal(await rowsOf('a,b\n1,2\n', { columns: ['x', 'y'], header: true }), [{ x: '1', y: '2' }])
  assert.equal(await rowsOf('a\tb\n1,5\t2', {}, 'table.tsv'), [{ a: '1,5', b: '2' }])
  assert.equal(await rowsOf('a;b\n1;2', { delimiter: ';' }), [{ a: '1', b: '2' }])
  assert.equal(await rowsOf('# made by hand\na,b\n1,x#y\n', { comment: '#' }), [{ a: '1', b: 'x#y' }])
  assert.equal(await rowsOf('a\nNA\n2', { types: 'number', missing: ['NA'] }), [{ a: NaN }, { a: 2 }])
})

test('readCsv: several files, gzipped too, into batches', async () => {
  const paths = [write('x,y\n1,2\n3,4\n'), write(gzipSync('x,y\n5,6\n'), 'more.csv.gz')]
  const rows = data.readCsv(paths, { types: 'number' })
  const loader = new data.DataLoader(
    rows.map(({ x, y }) => [x as number, y as number] as [number, number]),
    { batchSize: 3 },
  )
  for await (const [x, y] of loader)
    assert.equal(
      [await x.toArray(), await y.toArray()],
      [
        [1, 3, 5],
        [2, 4, 6],
      ],
    )
})

const BAD_ROWS: [title: string, content: string, options: data.ReadCsvOptions, phrase: string][] = [
  ['a short row', 'a,b\n1,2\n3\n5,6\n', {}, 'row 2 (line 3): has 1 fields where 2 are expected'],
  ['a long row', 'a,b\n1,2\n3,4,5\n5,6\n', {}, 'row 2 (line 3): has 3 fields where 2 are expected'],
  [
    'a word for a number',
    'a,b\n1,2\n3,x\n5,6\n',
    { types: { b: 'number' } },
    "row 2 (line 3), column 'b': 'x' is not of type number",
  ],
  ['nothing for a number', 'a,b\n1,2\n3,\n5,6\n', { types: { b: 'number' } }, "column 'b': '' is not of type number"],
  ['half an integer', 'a,b\n1,2\n3,0.5\n5,6\n', { types: { b: 'integer' } }, "'0.5' is not of type integer"],
  ['a stray quote', 'a,b\n1,2\n3,4"x"\n5,6\n', {}, 'line 3: Invalid'],
]

for (const [title, content, options, phrase] of BAD_ROWS) {
  test(`readCsv: ${title} names file and row, or is left out`, async () => {
    const path = write(content, 'bad.csv')
    const error = await failure(all(data.readCsv(path, options)))
    assert.is(error.code, 'FORMAT')
    assert.match(error.message, path)
    assert.match(error.message, phrase)
    const told: TenonError[] = []
    const rows = await all(data.readCsv(path, { ...options, onError: (e) => told.push(e) }))
    assert.equal(
      rows.map((row) => Number(row.a)),
      [1, 5],
    )
    assert.match(told[0]!.message, phrase)
    assert.is((await all(data.readCsv(path, { ...options, onError: 'skip' }))).length, 2)
  })
}

test('readCsv: rows before the bad one come first', async () => {
  const seen: unknown[] = []
  const error = await failure(async () => {
    for await (const row of data.readCsv(write('a,b\n1,2\n3\n'))) seen.push(row.a)
  })
  assert.equal([seen, error.code], [['1'], 'FORMAT'])
})

test('readCsv: hostile names and rows', async () => {
  const [row] = await all(data.readCsv(write('__proto__,toString\n1,2\n')))
  assert.equal(Object.entries(row!), [
    ['__proto__', '1'],
    ['toString', '2'],
  ])
  assert.is((await failure(all(data.readCsv(write('a,a\n1,2\n'))))).code, 'FORMAT')
  const endless = write(`a,b\n1,"${'x'.repeat(5000)}\n`)
  assert.is((await failure(all(data.readCsv(endless, { maxRowBytes: 1000 })))).code, 'FORMAT')
  assert.match((await failure(all(data.readCsv(write('a\n"never closed\n'))))).message, 'Quote Not Closed')
  assert.match(
    (await failure(all(data.readCsv(write('a\n1\n'), { types: { b: 'number' } })))).message,
    "no column 'b', only a",
  )
  assert.match((await failure(all(data.readCsv(join(folder, 'nowhere.csv'))))).message, 'there is no such file')
})

test('readCsv: options that make no sense', async () => {
  assert.is((await failure(() => data.readCsv('x', { header: false }))).code, 'VALUE')
  assert.is((await failure(() => data.readCsv('x', { types: 'float' as never }))).code, 'VALUE')
  assert.is((await failure(() => data.readCsv('x', { onError: 'warn' as never }))).code, 'VALUE')
  assert.is((await failure(() => data.readCsv('x', { separator: ';' } as object))).code, 'OPTION')
})
