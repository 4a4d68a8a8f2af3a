/** @file Sound: WAV in its kinds, FLAC, folders, and files that lie. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { data } from 'tenon'
import type { TenonError } from 'tenon'
import * as assert from 'uvu/assert'
import wavefile from 'wavefile'
import { suite } from '../support/suite.ts'
import { flacFile } from './flac-file.ts'

const test = suite('audio')

const folder = mkdtempSync(join(tmpdir(), 'tenon-audio-'))
test.after(() => rmSync(folder, { recursive: true }))

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

const RATE = 8000
const tone = (n: number, scale = 1, hertz = 440) =>
  Float64Array.from({ length: n }, (_, t) => scale * Math.sin((2 * Math.PI * hertz * t) / RATE))
const shorts = (x: Float64Array) => Int16Array.from(x, (value) => Math.round(value * 32767))

const largest = (a: ArrayLike<number>, b: ArrayLike<number>) => {
  assert.is(a.length, b.length)
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)))
}

/** A WAV file by wavefile's own writer. */
function wav(
  channels: readonly Float64Array[],
  depth: string,
  change: (file: InstanceType<typeof wavefile.WaveFile>) => void = () => {},
): Uint8Array {
  const file = new wavefile.WaveFile()
  const isFloat = depth === '32f' || depth === '64'
  const [offset, scale] = isFloat ? [0, 1] : depth === '8' ? [128, 127] : [0, 2 ** (Number(depth) - 1) - 1]
  file.fromScratch(
    channels.length,
    RATE,
    depth,
    channels.map((x) => x.map((value) => (isFloat ? value : Math.round(value * scale) + offset))) as never,
  )
  change(file)
  return file.toBuffer()
}

const DEPTHS: [depth: string, tolerance: number][] = [
  ['8', 1.6e-2],
  ['16', 1e-4],
  ['24', 1e-6],
  ['32', 1e-7],
  ['32f', 1e-7],
  ['64', 1e-7],
]

for (const [depth, tolerance] of DEPTHS) {
  test(`readAudio: WAV of ${depth} bits, two channels`, async () => {
    const [left, right] = [tone(100), tone(100, -0.5, 100)]
    const { samples, sampleRate } = await data.readAudio(write('x.wav', wav([left, right], depth)))
    assert.equal([samples.shape, sampleRate], [[2, 100], RATE])
    const values = samples.data as Float32Array
    assert.ok(largest(values.subarray(0, 100), left) < tolerance)
    assert.ok(largest(values.subarray(100), right) < tolerance)
  })
}

const PACKED: [kind: string, pack: (file: InstanceType<typeof wavefile.WaveFile>) => void, tolerance: number][] = [
  ['A-law', (file) => file.toALaw(), 0.04],
  ['mu-law', (file) => file.toMuLaw(), 0.04],
]

for (const [kind, pack, tolerance] of PACKED) {
  test(`readAudio: WAV as ${kind}`, async () => {
    const x = tone(1000, 0.8)
    const { samples } = await data.readAudio(write('x.wav', wav([x], '16', pack)))
    const values = (samples.data as Float32Array).subarray(100, 900)
    assert.ok(largest(values, x.subarray(100, 900)) < tolerance)
  })
}

test('readAudio: mono is the mean of the channels', async () => {
  const { samples } = await data.readAudio(write('x.wav', wav([tone(50), tone(50, -0.5)], '32f')), { mono: true })
  assert.equal(samples.shape, [1, 50])
  assert.ok(largest(samples.data as Float32Array, tone(50, 0.25)) < 1e-6)
})

test('readAudio: the extended form of WAV, and chunks that are not samples', async () => {
  const x = tone(20)
  const plain = Buffer.from(wav([x], '16'))
  const fmt = Buffer.alloc(48)
  fmt.write('fmt ')
  fmt.writeUInt32LE(40, 4)
  plain.copy(fmt, 8, 20, 36)
  fmt.writeUInt16LE(0xfffe, 8)
  fmt.writeUInt16LE(22, 24)
  fmt.writeUInt16LE(16, 26)
  fmt.writeUInt16LE(1, 32)
  const list = Buffer.from('LIST\x05\0\0\0INFOx\0', 'latin1')
  const file = Buffer.concat([plain.subarray(0, 12), list, fmt, plain.subarray(36)])
  const { samples } = await data.readAudio(write('x.wav', file))
  assert.ok(largest(samples.data as Float32Array, x) < 1e-4)
})

test('readAudio: FLAC of one channel and two, exactly', async () => {
  const [left, right] = [shorts(tone(5000)), shorts(tone(5000, 0.3, 50))]
  for (const channels of [[left], [left, right]]) {
    const { samples, sampleRate } = await data.readAudio(write('x.flac', flacFile(channels)))
    assert.equal([samples.shape, sampleRate], [[channels.length, 5000], RATE])
    channels.forEach((channel, c) => {
      const expected = Array.from(channel, (value) => value / 32768)
      assert.ok(largest((samples.data as Float32Array).subarray(c * 5000, (c + 1) * 5000), expected) < 1e-7)
    })
  }
})

const good = Buffer.from(wav([tone(100)], '16'))
const at = (offset: number, value: number, width: 1 | 2 | 4 = 2) => {
  const copy = Buffer.from(good)
  copy.writeUIntLE(value, offset, width)
  return copy
}
const flac = flacFile([shorts(tone(5000))])

const LIES: [title: string, bytes: Uint8Array | string, phrase: string][] = [
  ['nothing', '', 'neither WAV nor FLAC'],
  ['text', 'this is not a sound', 'neither WAV nor FLAC'],
  ['WAV cut short', good.subarray(0, 100), 'of samples and has 56'],
  ['WAV without samples', good.subarray(0, 36), 'has no samples'],
  ['WAV whose samples come first', Buffer.concat([good.subarray(0, 12), good.subarray(36)]), 'before their format'],
  ['WAV of no channels', at(22, 0), 'has 0 channels'],
  ['WAV of thousands of channels', at(22, 65535), 'has 65535 channels'],
  ['WAV of no rate', at(24, 0, 4), 'at 0 Hz'],
  ['WAV with blocks that do not fit', at(32, 7), 'broken fmt'],
  ['WAV of an unknown format', at(20, 85), 'of format 85'],
  ['WAV of 13 bits', at(34, 13), '13 bits'],
  ['WAV with a huge format chunk', at(16, 0xffffffff, 4), 'broken fmt'],
  ['FLAC cut short', flac.subarray(0, 6000), 'lie.snd'],
  ['FLAC of nothing but its name', 'fLaC', 'does not begin'],
  ['FLAC that says too much', flacFile([shorts(tone(100))], { totalSamples: 99 }), 'says 99 samples and has 100'],
]

for (const [title, bytes, phrase] of LIES) {
  test(`readAudio: refuses ${title}, naming the file`, async () => {
    const path = write('lie.snd', bytes)
    const error = await failure(data.readAudio(path))
    assert.is(error.code, 'FORMAT')
    assert.match(error.message, path)
    assert.match(error.message, phrase)
  })
}

test('readAudio: what is longer than allowed is refused before it is decoded', async () => {
  assert.match(
    (await failure(data.readAudio(write('x.wav', good), { maxSeconds: 0.01 }))).message,
    'is 0.0 s long, 0.01 are allowed',
  )
  assert.match((await failure(data.readAudio(write('x.wav', good), { maxBytes: 20 }))).message, 'more than the 20')
  const claims = flacFile([shorts(tone(10))], { totalSamples: 2 ** 31 })
  assert.match((await failure(data.readAudio(write('x.flac', claims)))).message, 'maxSeconds')
  const silent = flacFile([new Int16Array(200_000)], { totalSamples: 0, constant: true })
  assert.ok(silent.length < 5000, 'a few bytes stand for many samples')
  const { samples } = await data.readAudio(write('x.flac', silent))
  assert.equal(samples.shape, [1, 200_000])
  assert.match((await failure(data.readAudio(write('x.flac', silent), { maxSeconds: 3 }))).message, 'maxSeconds')
})

test('readAudio: many chunks within chunks take no time', async () => {
  const nested = Buffer.concat([
    good.subarray(0, 36),
    ...Array.from({ length: 2000 }, () => Buffer.from('LIST\x04\0\0\0INFO', 'latin1')),
    good.subarray(36),
  ])
  const start = performance.now()
  assert.equal((await data.readAudio(write('x.wav', nested))).samples.shape, [1, 100])
  assert.ok(performance.now() - start < 500)
})

test('audioFolder: classes by folder, padded batches, workers, another rate', async () => {
  const home = join(folder, 'tree')
  for (const [name, length] of [
    ['hum', 10],
    ['beep', 30],
  ] as const) {
    mkdirSync(join(home, name), { recursive: true })
    writeFileSync(join(home, name, '1.wav'), wav([tone(length)], '16'))
    writeFileSync(join(home, name, '2.flac'), flacFile([shorts(tone(length + 16))]))
  }
  const dataset = await data.audioFolder(home, { sampleRate: RATE })
  assert.equal([dataset.length, dataset.classes], [4, ['beep', 'hum']])
  const loader = new data.DataLoader(dataset, { batchSize: 1, workers: 1 })
  const lengths: number[] = []
  for await (const [x] of loader) lengths.push(x.shape[2]!)
  assert.equal(lengths, [30, 46, 10, 26])
  await loader.close()
  const strict = await data.audioFolder(home, { sampleRate: 16000 })
  assert.match((await failure(Promise.resolve(strict.get(0)))).message, 'has 8000 samples a second, 16000 are expected')
  assert.match((await failure(data.audioFolder(join(folder, 'nowhere')))).message, 'no such folder')
})
