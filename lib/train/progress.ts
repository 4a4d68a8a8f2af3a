/** @file Progress: what a person sees of a training. A bar on a terminal, plain lines elsewhere. */
import type { SingleBar } from 'cli-progress'
import { showBytes, showSeconds } from '../units.ts'
import type { EpochRecord } from './history.ts'

/** 0: nothing; 1: a bar on a terminal, else lines; 2: a line an epoch. */
export type Verbose = 0 | 1 | 2

/** Between two lines within an epoch, where there is no bar. */
const LINE_SECONDS = 30
const MIN_REDRAW_MS = 100

/** How far an epoch is. */
export interface Status {
  /** From 1, and how many there will be. */
  readonly epoch: number
  readonly epochs: number
  readonly batch: number
  /** Null: not known. */
  readonly batches: number | null
  readonly loss: number
  readonly samplesPerSecond: number
  /** Until the end of the training; null: not known yet. */
  readonly secondsLeft: number | null
}

export class Progress {
  readonly #verbose: Verbose
  readonly #stream: NodeJS.WriteStream
  #bar: SingleBar | null = null
  #drawn = 0
  #line = performance.now()

  constructor(verbose: Verbose, stream: NodeJS.WriteStream = process.stdout) {
    this.#verbose = verbose
    this.#stream = stream
  }

  /** An epoch begins. */
  async begin(status: Status): Promise<void> {
    this.#line = performance.now()
    if (this.#verbose !== 1 || !this.#stream.isTTY) return
    // Loaded for terminals only.
    const { default: progress } = await import('cli-progress')
    const format = status.batches
      ? 'epoch {epoch} [{bar}] {value}/{total}  {text}'
      : 'epoch {epoch}  {value} batches  {text}'
    this.#bar = new progress.SingleBar({
      format,
      stream: this.#stream,
      barsize: 24,
      barCompleteChar: '\u2588',
      barIncompleteChar: '\u2591',
      clearOnComplete: true,
      hideCursor: true,
      linewrap: false,
      gracefulExit: false,
    })
    this.#bar.start(status.batches ?? 0, status.batch, { epoch: `${status.epoch}/${status.epochs}`, text: '' })
    this.#drawn = 0
  }

  /** A step is complete; cheap when it is not time to show it. */
  step(status: Status): void {
    if (this.#verbose !== 1) return
    const now = performance.now()
    if (this.#bar) {
      if (now - this.#drawn < MIN_REDRAW_MS) return
      this.#drawn = now
      this.#bar.update(status.batch, { text: textOf(status) })
    } else if (now - this.#line > LINE_SECONDS * 1000) {
      this.#line = now
      const share = `${status.batch}${status.batches ? `/${status.batches}` : ''}`
      this.#write(`epoch ${status.epoch}/${status.epochs}  ${share}  ${textOf(status)}`)
    }
  }

  /** An epoch is complete. */
  end(record: EpochRecord, epochs: number, secondsLeft: number | null): void {
    this.close()
    if (this.#verbose === 0) return
    const { metrics, seconds, samplesPerSecond, memoryBytes, learningRate, waitShare, skipped } = record
    const parts = [
      `epoch ${record.epoch}/${epochs}`,
      ...Object.entries(metrics).map(([name, value]) => `${name} ${showNumber(value)}`),
      `lr ${showNumber(learningRate)}`,
      showSeconds(seconds),
      `${showNumber(samplesPerSecond)} samples/s`,
      showBytes(memoryBytes),
      `waited ${(100 * waitShare).toFixed(1)} %`,
      ...(skipped > 0 ? [`skipped ${skipped} batches`] : []),
      ...(secondsLeft !== null && secondsLeft > 0 ? [`left ${showSeconds(secondsLeft)}`] : []),
    ]
    this.#write(parts.join('  '))
  }

  /** Something that a person should know. */
  say(text: string): void {
    if (this.#verbose === 0) return
    this.close()
    this.#write(text)
  }

  /** Takes the bar away. */
  close(): void {
    this.#bar?.stop()
    this.#bar = null
  }

  #write(line: string): void {
    this.#stream.write(`${line}\n`)
  }
}

function textOf({ loss, samplesPerSecond, secondsLeft }: Status): string {
  const left = secondsLeft === null ? '' : `  left ${showSeconds(secondsLeft)}`
  const memory = showBytes(process.memoryUsage.rss())
  return `loss ${showNumber(loss)}  ${showNumber(samplesPerSecond)} samples/s  ${memory}${left}`
}

/** Four digits that matter. */
function showNumber(x: number): string {
  if (!Number.isFinite(x)) return String(x)
  if (Math.abs(x) >= 1000) return String(Math.round(x))
  if (x !== 0 && Math.abs(x) < 1e-3) return x.toExponential(2)
  return String(Number(x.toPrecision(4)))
}
