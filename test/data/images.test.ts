/** @file Pictures: decoding, sizes, colours, folders, and files that lie. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.ts'

const test = suite('images')

const folder = mkdtempSync(join(tmpdir(), 'tenon-images-'))
test.after(() => rmSync(folder, { recursive: true }))

/** 4 x 2 pixels: red rises to the right, green downwards, blue is 200. */
const [WIDTH, HEIGHT] = [4, 2]
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => {
  const [x, y, c] = [Math.floor(i / 3) % WIDTH, Math.floor(i / 3 / WIDTH), i % 3]
  return [x * 50, y * 100, 200][c]!
})
const raw = { width: WIDTH, height: HEIGHT, channels: 3 } as const
const png = await sharp(pixels, { raw }).png().toBuffer()
const noise = (size: number) =>
  sharp(
    Uint8Array.from({ length: size * size * 3 }, (_, i) => (i * 7919) % 251),
    { raw: { width: size, height: size, channels: 3 } },
  )

function write(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

const failure = (work: Promise<unknown>): Promise<TenonError> =>
  work.then(
    () => assert.unreachable('nothing was thrown') as never,
    (error: TenonError) => error,
  )

test('readImage: planes of numbers from 0 to 1, or of bytes', async () => {
  const path = write('small.png', png)
  const bytes = await data.readImage(path, { dtype: 'u8' })
  assert.equal(bytes.shape, [3, HEIGHT, WIDTH])
  assert.equal(Array.from(bytes.data as Uint8Array), [
    0,
    50,
    100,
    150,
    0,
    50,
    100,
    150,
    0,
    0,
    0,
    0,
    100,
    100,
    100,
    100,
    ...Array<number>(8).fill(200),
  ])
  const floats = await data.readImage(path)
  assert.is(floats.data[1], Math.fround(50 / 255))
})

const SHAPES: [options: data.ReadImageOptions, shape: number[]][] = [
  [{ size: 8 }, [3, 8, 8]],
  [{ size: [6, 3] }, [3, 6, 3]],
  [{ size: [8, 8], fit: 'inside' }, [3, 4, 8]],
  [{ size: 8, fit: 'outside' }, [3, 8, 16]],
  [{ size: 8, fit: 'outside', crop: [6, 5] }, [3, 6, 5]],
  [{ crop: 2 }, [3, 2, 2]],
  [{ colour: 'grey' }, [1, 2, 4]],
  [{ colour: 'rgba' }, [4, 2, 4]],
]

for (const [options, shape] of SHAPES) {
  test(`readImage: ${JSON.stringify(options)} gives [${shape}]`, async () => {
    assert.equal((await data.readImage(write('shape.png', png), options)).shape, shape)
  })
}

test('readImage: the crop is the middle, contain adds black, alpha is full', async () => {
  const path = write('middle.png', png)
  const { data: red } = await data.readImage(path, { crop: [2, 2], dtype: 'u8' })
  assert.equal(Array.from(red as Uint8Array).slice(0, 4), [50, 100, 50, 100])
  const boxed = await data.readImage(path, { size: 4, fit: 'contain', dtype: 'u8' })
  assert.equal(Array.from(boxed.data as Uint8Array).slice(-16, -12), [0, 0, 0, 0], 'the first row of blue')
  const { data: four } = await data.readImage(path, { colour: 'rgba' })
  assert.equal(Array.from(four as Float32Array).slice(-8), Array<number>(8).fill(1))
})

for (const kind of ['jpeg', 'webp', 'gif', 'tiff', 'avif'] as const) {
  test(`readImage: ${kind}, grey pictures and pictures with alpha become rgb`, async () => {
    assert.equal(
      (await data.readImage(write(`x.${kind}`, await noise(16).toFormat(kind).toBuffer()))).shape,
      [3, 16, 16],
    )
    const grey = await noise(16).greyscale().toFormat(kind).toBuffer()
    assert.equal((await data.readImage(write(`grey.${kind}`, grey))).shape, [3, 16, 16])
    const alpha = await noise(16).ensureAlpha(0.5).toFormat(kind).toBuffer()
    assert.equal((await data.readImage(write(`alpha.${kind}`, alpha))).shape, [3, 16, 16])
  })
}

test('readImage: a picture that lies on its side is put upright', async () => {
  const turned = await sharp(png).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  assert.equal((await data.readImage(write('turned.jpg', turned))).shape, [3, 4, 2])
})

const jpeg = await noise(64).jpeg().toBuffer()
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><rect width="4" height="4"/></svg>'

const LIES: [title: string, bytes: Uint8Array | string, options: data.ReadImageOptions, phrase: string][] = [
  ['nothing', '', {}, 'cannot be decoded'],
  ['text', 'not a picture', {}, 'cannot be decoded'],
  ['a JPEG cut short', jpeg.subarray(0, jpeg.length >> 1), {}, 'cannot be decoded'],
  ['a PNG cut short', png.subarray(0, png.length - 30), {}, 'cannot be decoded'],
  [
    'a PNG with a changed byte',
    Uint8Array.from(png, (byte, i) => (i === png.indexOf('IDAT') + 8 ? byte ^ 0xff : byte)),
    {},
    'cannot be decoded',
  ],
  ['SVG by another name', svg, {}, 'kind svg'],
  ['more pixels than allowed', jpeg, { maxPixels: 64 * 64 - 1 }, 'pixel'],
  ['more bytes than allowed', jpeg, { maxBytes: 100 }, 'more than the 100 that are allowed'],
  ['less than the crop', png, { crop: 3 }, 'are too few to cut out 3 x 3'],
]

for (const [title, bytes, options, phrase] of LIES) {
  test(`readImage: refuses ${title}, naming the file`, async () => {
    const path = write('lie.png', bytes)
    const error = await failure(data.readImage(path, options))
    assert.ok(['FORMAT', 'SHAPE'].includes(error.code), error.code)
    assert.match(error.message, path)
    assert.match(error.message, phrase)
  })
}

test('readImage: refuses options that make no sense', async () => {
  const path = write('ok.png', png)
  assert.is((await failure(data.readImage(path, { color: 'grey' } as object))).code, 'OPTION')
  assert.is((await failure(data.readImage(path, { colour: 'gray' as never }))).code, 'VALUE')
  assert.is((await failure(data.readImage(path, { size: 0 }))).code, 'VALUE')
  assert.is((await failure(data.readImage(path, { size: 1e9 }))).code, 'VALUE')
  assert.match((await failure(data.readImage(join(folder, 'nowhere.png')))).message, 'there is no such file')
  assert.match((await failure(data.readImage(folder))).message, 'is not a file')
})

async function makeTree(name: string, perClass: number): Promise<string> {
  const home = join(folder, name)
  for (const [i, label] of ['cat', 'dog'].entries()) {
    mkdirSync(join(home, label, 'deeper'), { recursive: true })
    for (let k = 0; k < perClass; k++) {
      const one = await sharp({ create: { width: 8, height: 6, channels: 3, background: { r: 100 * i, g: k, b: 7 } } })
        .png()
        .toBuffer()
      writeFileSync(join(home, label, k === 0 ? 'deeper' : '.', `${k}.png`), one)
    }
    writeFileSync(join(home, label, 'readme.txt'), 'not a picture')
    writeFileSync(join(home, label, '.hidden.png'), 'not a picture')
  }
  return home
}

test('imageFolder: classes by folder, sorted; the same with workers, split too', async () => {
  const dataset = await data.imageFolder(await makeTree('tree', 3), { size: [4, 4], dtype: 'u8' })
  assert.equal([dataset.length, dataset.classes, Array.from(dataset.labels)], [6, ['cat', 'dog'], [0, 0, 0, 1, 1, 1]])
  const [train] = data.split(dataset, [4], { seed: 1 })
  const epoch = async (workers: number) => {
    const loader = new data.DataLoader(train!, { batchSize: 2, shuffle: true, seed: 2, workers })
    const batches: unknown[] = []
    for await (const [x, y] of loader) {
      assert.equal([x.shape, x.dtype, y.dtype], [[2, 3, 4, 4], 'u8', 'i32'])
      const [values, labels] = [await x.data(), await y.data()]
      batches.push([Array.from(values as Uint8Array), Array.from(labels as Int32Array)])
      for (let i = 0; i < 2; i++) assert.is(values[i * 48], 100 * Number(labels[i]))
    }
    await loader.close()
    return batches
  }
  assert.equal(await epoch(1), await epoch(0))
})

test('imageFolder: a corrupt picture in the middle is named, or left out', async () => {
  const home = await makeTree('corrupt', 3)
  const bad = join(home, 'dog', '1.png')
  writeFileSync(bad, png.subarray(0, 40))
  const dataset = await data.imageFolder(home)
  const seen: number[] = []
  const run = async () => {
    for await (const [x] of new data.DataLoader(dataset, { batchSize: 2 })) seen.push(x.shape[0]!)
  }
  const error = await failure(run())
  assert.is(error.code, 'FORMAT')
  assert.match(error.message, `DataLoader: sample 3 cannot be loaded: readImage: ${bad}: cannot be decoded`)
  assert.equal(seen, [2])
  const told: string[] = []
  const loader = new data.DataLoader(dataset, { batchSize: 2, onError: (e) => told.push(e.message) })
  let count = 0
  for await (const [x] of loader) count += x.shape[0]!
  assert.equal([count, told.length, loader.numSkipped], [5, 1, 1])
  assert.match(told[0]!, bad)
})

test('imageFolder: refuses a missing folder, one without classes, an empty class, links that lead out', async () => {
  const missing = await failure(data.imageFolder(join(folder, 'nowhere')))
  assert.is(missing.code, 'FORMAT')
  assert.match(missing.message, /imageFolder: .*nowhere: there is no such folder/)
  const home = join(folder, 'linked')
  mkdirSync(home)
  assert.match((await failure(data.imageFolder(home))).message, 'needs a folder for each class')
  mkdirSync(join(home, 'empty'))
  assert.match((await failure(data.imageFolder(home))).message, /empty: has no files that end in .jpg/)
  writeFileSync(join(home, 'empty', 'a.png'), png)
  const outside = write('secret.png', png)
  symlinkSync(outside, join(home, 'empty', 'b.png'))
  const error = await failure(data.imageFolder(home))
  assert.is(error.code, 'FORMAT')
  assert.match(error.message, 'a link that leads out of')
  assert.is((await data.imageFolder(home, { followLinks: true })).length, 2)
  assert.match((await failure(data.imageFolder(outside))).message, 'is not a folder')
})

test('imageFiles and filesIn: sorted, with folders within; a loop of links ends', async () => {
  const home = await makeTree('files', 2)
  symlinkSync(home, join(home, 'cat', 'again'))
  const found = await data.filesIn(home, { recursive: true, extensions: ['.PNG'] })
  assert.is(found.filter((path) => !path.includes('again')).length, 4)
  const dataset = await data.imageFiles(found.slice(0, 1), { size: 2 })
  assert.equal((await dataset.get(0)).shape, [3, 2, 2])
  assert.ok((await data.imageFiles(home)).length >= 4)
})

test('insideFolder: names stay in their folder', async () => {
  assert.is(data.insideFolder(folder, 'a/b.png'), join(folder, 'a', 'b.png'))
  assert.is(data.insideFolder(folder, '..a'), join(folder, '..a'))
  for (const name of ['../x', 'a/../../x', '/etc/passwd', 'a\0b', '..']) {
    const error = await failure(Promise.resolve().then(() => data.insideFolder(folder, name)))
    assert.is(error.code, 'FORMAT', name)
  }
})

test('readImage: without sharp it says what to install; the rest of tenon works', () => {
  const hooks = `export const resolve = (name, context, next) => name === 'sharp' ? Promise.reject(new Error("Cannot find package 'sharp'")) : next(name, context)`
  const hide = `import { register } from 'node:module'; register('data:text/javascript,' + ${JSON.stringify(encodeURIComponent(hooks))})`
  const program = `import('tenon').then(({ data }) => data.readImage(${JSON.stringify(write('here.png', png))})).catch((e) => console.log(e.code, e.message))`
  const args = [
    '--import',
    'tsx',
    '--import',
    `data:text/javascript,${encodeURIComponent(hide)}`,
    '--input-type=module',
    '-e',
    program,
  ]
  const output = execFileSync(process.execPath, args, { encoding: 'utf8' })
  assert.match(output, /^NATIVE readImage: pictures need the package 'sharp'.*npm install sharp/)
})
