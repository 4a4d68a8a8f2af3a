/** @file What the demo's network makes of the test pictures, and how that is shown on a terminal. */
import type { Labelled } from '../data/mnist.ts'
import { data } from '../engine/evaluate.ts'
import type { Tensor } from '../graph/tensor.ts'
import { softmax } from '../ops/index.ts'
import { sideBySide, textPicture } from './text-picture.ts'

/** What the network makes of one picture. */
export interface Answer {
  readonly picture: Uint8Array
  readonly truth: number
  readonly digit: number
  /** The probability that the network gives its answer. */
  readonly confidence: number
}

/** Height and width of the pictures. */
export const SIDE = 28
/** Columns at both sides of a picture that nearly always are empty. */
const MARGIN = 2

const digits = Array.from({ length: 10 }, (_, digit) => digit)
const isRight = ({ truth, digit }: Answer) => truth === digit

/** From the network's logits [N, 10]. */
export async function answersOf(logits: Tensor, { images, labels }: Labelled): Promise<Answer[]> {
  const pixels = (await data(images)) as Uint8Array
  const truths = (await data(labels)) as Uint8Array
  const probabilities = (await data(softmax(logits))) as Float32Array
  return Array.from(truths, (truth, i) => {
    const own = probabilities.subarray(i * 10, i * 10 + 10)
    const confidence = Math.max(...own)
    const picture = pixels.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE)
    return { picture, truth, digit: own.indexOf(confidence), confidence }
  })
}

export function accuracyOf(answers: readonly Answer[]): number {
  return answers.filter(isRight).length / answers.length
}

/** A line of digits, and under each the share of its pictures that is read right. */
export function showByDigit(answers: readonly Answer[]): string {
  const shares = digits.map((digit) => {
    const ofDigit = answers.filter(({ truth }) => truth === digit)
    return ofDigit.length > 0 ? (100 * accuracyOf(ofDigit)).toFixed(1) : '-'
  })
  const cells = (texts: readonly unknown[]) => texts.map((text) => String(text).padStart(6)).join('')
  return `digit   ${cells(digits)}\nright, %${cells(shares)}\n`
}

/** Three that it reads right, and the three mistakes of which it was surest, each with how sure it was. */
export function showPictures(answers: readonly Answer[]): string {
  const wrong = answers.filter((answer) => !isRight(answer)).sort((a, b) => b.confidence - a.confidence)
  const show = (title: string, some: readonly Answer[]) => {
    const shown = some.slice(0, 3)
    return shown.length > 0 ? [title, ...sideBySide(shown.map(pictureOf), shown.map(captionOf)), ''] : []
  }
  return [...show('read right:', answers.filter(isRight)), ...show('its surest mistakes:', wrong)].join('\n')
}

function pictureOf({ picture }: Answer): string[] {
  return textPicture(picture, SIDE).map((line) => line.slice(MARGIN, SIDE - MARGIN))
}

function captionOf(answer: Answer): string {
  const sure = `${(Math.floor(1000 * answer.confidence) / 10).toFixed(1)} %`
  return isRight(answer) ? `a ${answer.truth}, ${sure}` : `a ${answer.truth} read as ${answer.digit}, ${sure}`
}
