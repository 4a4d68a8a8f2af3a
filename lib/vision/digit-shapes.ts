/** @file How the digits 0 to 9 are written: the strokes that drawDigits bends, tilts and inks. */

/** Points of one stroke, x right and y down, about 0 to 1 in a box as high as it is wide; the pen passes through all of them. */
export interface Stroke {
  readonly x: Float64Array
  readonly y: Float64Array
  /** 1 where the stroke may turn sharply; it is smooth elsewhere. */
  readonly corner: Uint8Array
}

/** One way to write a digit. */
export type Shape = readonly Stroke[]

/**
 * The ways to write each digit. Hundredths of the box, `x,y` for each point; `!` behind a corner; `/` where the pen is lifted.
 */
const written: readonly (readonly string[])[] = [
  [
    '52,2 26,12 14,48 26,86 50,98 74,86 86,48 74,12 48,2',
    '60,6 34,8 16,40 22,84 48,98 76,80 84,42 70,10 44,4',
    '50,0 30,16 24,50 32,84 50,100 68,84 76,50 68,16 50,0',
  ],
  [
    '50,0 50,50 50,100',
    '34,22 46,11 54,0! 53,50 52,100',
    '30,22 52,2! 52,50 52,98 / 28,99 52,98 76,98',
    '60,0 54,34 48,68 40,100',
  ],
  [
    '18,26 30,6 54,0 76,12 76,34 54,62 16,98! 46,96 84,97',
    '16,20 36,2 64,4 74,26 58,56 30,84 20,96 22,82 40,80 62,94 86,94',
    '22,16 48,0 74,12 72,40 44,72 18,96! 50,94 82,98',
  ],
  [
    '20,12 44,0 70,8 72,30 44,46! 76,58 80,82 52,99 18,90',
    '20,4 48,3 76,4! 60,24 46,42! 74,50 82,76 60,98 30,98 16,88',
    '24,16 50,2 72,18 64,38 42,46 66,50 80,70 66,94 40,100 18,88',
  ],
  [
    '30,0 24,24 16,56! 50,56 86,54 / 66,18 64,60 62,100',
    '62,0 40,28 12,64! 48,64 88,63 / 64,2 64,50 63,100',
    '26,4 22,30 22,50! 46,56 72,46! / 74,4 72,46 68,100',
  ],
  [
    '28,4 26,24 24,44! 48,38 74,48 80,72 62,96 34,100 16,88 / 28,4 52,4 78,2',
    '78,4 54,5 30,5! 27,24 24,42! 52,36 78,54 76,84 50,99 18,92',
    '72,0 52,6 32,6! 30,26 26,44! 56,42 74,60 66,88 44,99 20,94',
  ],
  [
    '66,2 40,18 22,46 18,76 36,98 62,96 76,76 64,58 40,60 22,78',
    '56,0 34,32 22,66 32,94 56,99 74,84 68,62 46,56 26,72',
    '74,8 50,6 28,32 20,68 36,96 60,98 78,80 68,60 46,56 24,70',
  ],
  [
    '14,6 50,5 84,4! 64,38 48,68 38,100',
    '14,8 50,6 84,4! 70,34 54,64 42,100 / 34,52 52,50 76,48',
    '14,24 14,6! 50,6 84,4! 58,40 46,72 44,100',
    '12,12 32,5 54,8 84,2! 68,28 50,58 40,100',
  ],
  [
    '70,16 50,2 28,14 34,36 54,48 76,66 72,90 48,100 24,88 28,66 50,48 70,34 72,18',
    '50,2 28,12 30,36 50,46 72,36 72,12 50,2 / 50,46 24,58 22,84 50,99 78,84 76,58 50,46',
    '66,8 40,2 26,20 42,40 66,58 74,82 52,99 26,88 30,66 54,46 72,26 66,8',
  ],
  [
    '76,22 54,2 28,14 24,38 46,50 68,40 76,22! 74,54 66,100',
    '74,30 60,6 34,6 20,28 36,50 62,46 76,18 74,60 58,92 28,98',
    '70,10 44,2 24,22 34,46 58,46 72,26! 73,60 71,100',
  ],
]

/** Shapes by digit. */
export const digitShapes: readonly (readonly Shape[])[] = written.map((ways) => ways.map(parse))

function parse(way: string): Shape {
  return way.split(' / ').map((stroke) => {
    const points = stroke.split(' ')
    const numbers = points.map((point) => point.replace('!', '').split(',').map(Number))
    return {
      x: Float64Array.from(numbers, ([x]) => x! / 100),
      y: Float64Array.from(numbers, ([, y]) => y! / 100),
      corner: Uint8Array.from(points, (point) => Number(point.endsWith('!'))),
    }
  })
}
