/** @file TensorBoardLogger: event files that TensorBoard reads. */
import { mkdirSync } from 'node:fs'
import { appendFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Type } from 'protobufjs/light.js'
import { checkInteger } from '../errors.ts'
import { Background } from './background.ts'
import { histogramOf } from './histogram.ts'
import type { Logger, Picture } from './logs.ts'
import { checkPicture, encodePng } from './png.ts'
import { frameRecord } from './tfrecord.ts'

let numFiles = 0

/**
 * Writes a new event file into a folder; TensorBoard shows all files of a folder as one run: `tensorboard --logdir DIR`. Names with
 * slashes are shown in groups.
 */
export class TensorBoardLogger implements Logger {
  /** The event file. */
  readonly path: string
  readonly #work: Background<object | Promise<object>>
  #event: Type | null = null

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true })
    const time = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    this.path = join(dir, `events.out.tfevents.${time}.${hostname()}.${process.pid}.${numFiles++}`)
    this.#work = new Background('TensorBoardLogger', this.path, (events) => this.#write(events))
    this.#work.push({ wallTime: Date.now() / 1000, fileVersion: 'brain.Event:2' })
  }

  scalar(name: string, value: number, step: number): void {
    this.#push(step, { tag: name, simpleValue: value })
  }

  /** Numbers that are not finite are left out. */
  histogram(name: string, values: ArrayLike<number>, step: number): void {
    const found = histogramOf(values)
    if (!found) return
    const { limits: bucketLimit, counts: bucket, ...rest } = found
    this.#push(step, { tag: name, histo: { ...rest, bucketLimit, bucket } })
  }

  image(name: string, image: Picture, step: number): void {
    checkPicture('TensorBoardLogger.image', image)
    const { width, height, channels } = image
    // Its pixels may change before they are written.
    const png = encodePng({ ...image, pixels: image.pixels.slice() })
    this.#push(
      step,
      png.then((encodedImageString) => ({
        tag: name,
        image: { width, height, colorspace: channels, encodedImageString },
      })),
    )
  }

  /** Shown as Markdown. */
  text(name: string, text: string, step: number): void {
    const tensor = { dtype: DT_STRING, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from(text)] }
    this.#push(step, { tag: name, metadata: { pluginData: { pluginName: 'text' } }, tensor })
  }

  close(): Promise<void> {
    return this.#work.close()
  }

  #push(step: number, value: object | Promise<object>): void {
    checkInteger('TensorBoardLogger', 'step', step, 0)
    const eventOf = (known: object) => ({ wallTime, step, summary: { value: [known] } })
    const wallTime = Date.now() / 1000
    const event = value instanceof Promise ? value.then(eventOf) : eventOf(value)
    // Looked at when its turn comes; Node must not take it for forgotten until then.
    if (event instanceof Promise) event.catch(() => {})
    this.#work.push(event)
  }

  async #write(events: readonly (object | Promise<object>)[]): Promise<void> {
    const event = (this.#event ??= await loadEventType())
    const records = (await Promise.all(events)).map((fields) => frameRecord(event.encode(fields).finish()))
    await appendFile(this.path, Buffer.concat(records))
  }
}

/** Of TensorFlow's types. */
const DT_STRING = 7

/** The part of tensorflow's event.proto, summary.proto, histogram.proto and tensor.proto that is written here. */
const MESSAGES = {
  Event: { wallTime: [1, 'double'], step: [2, 'int64'], fileVersion: [3, 'string'], summary: [5, 'Summary'] },
  Summary: { value: [1, 'Value', 'repeated'] },
  Value: {
    tag: [1, 'string'],
    simpleValue: [2, 'float'],
    image: [4, 'Image'],
    histo: [5, 'Histogram'],
    tensor: [8, 'Tensor'],
    metadata: [9, 'Metadata'],
  },
  Image: {
    height: [1, 'int32'],
    width: [2, 'int32'],
    colorspace: [3, 'int32'],
    encodedImageString: [4, 'bytes'],
  },
  Histogram: {
    min: [1, 'double'],
    max: [2, 'double'],
    num: [3, 'double'],
    sum: [4, 'double'],
    sumSquares: [5, 'double'],
    bucketLimit: [6, 'double', 'repeated'],
    bucket: [7, 'double', 'repeated'],
  },
  Metadata: { pluginData: [1, 'PluginData'] },
  PluginData: { pluginName: [1, 'string'] },
  Tensor: { dtype: [1, 'int32'], tensorShape: [2, 'TensorShape'], stringVal: [8, 'bytes', 'repeated'] },
  TensorShape: { dim: [2, 'Dim', 'repeated'] },
  Dim: { size: [1, 'int64'] },
} satisfies Record<string, Record<string, [id: number, type: string, rule?: 'repeated']>>

async function loadEventType(): Promise<Type> {
  // Loaded when the first event is written: few programs that import tenon log for TensorBoard.
  const { default: protobuf } = await import('protobufjs/light.js')
  const nested = Object.entries(MESSAGES).map(([name, fields]) => {
    const described = Object.entries(fields).map(([field, [id, type, rule]]) => [
      field,
      { id, type, ...(rule && { rule }) },
    ])
    return [name, { fields: Object.fromEntries(described) }]
  })
  return protobuf.Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType('Event')
}
