/** @file Pictures: decoding, resizing, cropping and colour by sharp, to [C, H, W]; folders of them. sharp is loaded when it is first needed. */
import { checkInteger, checkOptions, fail, TenonError } from '../errors.ts'
import { freshArray } from './arrays.ts'
import type { NdArray } from './arrays.ts'
import { FileDataset, LabelledFiles } from './dataset.ts'
import type { Dataset } from './dataset.ts'
import { findClasses, findFiles } from './folder.ts'
import { withSource } from './module-source.ts'
import { readWhole } from './read-file.ts'

export interface ReadImageOptions {
  /** [height, width], or one number for both. Default: as the picture is. */
  size?: number | readonly [height: number, width: number]
  /**
   * How the picture fits `size`: 'cover' cuts what sticks out, 'contain' adds black, 'fill' stretches, 'inside' and 'outside' keep the
   * proportions, so that the longer or the shorter side fits. Default: 'cover'.
   */
  fit?: 'cover' | 'contain' | 'fill' | 'inside' | 'outside'
  /** [height, width] to take from the middle after resizing, or one number for both. */
  crop?: number | readonly [height: number, width: number]
  /** Channels: 3, 1 or 4. Default: 'rgb'. */
  colour?: 'rgb' | 'grey' | 'rgba'
  /** 'f32': 0 to 1; 'u8': 0 to 255. Default: 'f32'. */
  dtype?: 'f32' | 'u8'
  /** A picture with more is refused before it is decoded. Default: 2^26, about 67 million. */
  maxPixels?: number
  /** A larger file is refused before it is read. Default: 256 MiB. */
  maxBytes?: number
}

export interface ImageFolderOptions extends ReadImageOptions {
  /** Follow symbolic links that lead out of the folder. Default: false, they are errors. */
  followLinks?: boolean
}

const READ_OPTIONS = ['size', 'fit', 'crop', 'colour', 'dtype', 'maxPixels', 'maxBytes']
const EXTENSIONS = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif']
/** What a file may be, whatever its name says: no formats that contain programs or name other files (SVG, PDF). */
const FORMATS = ['jpeg', 'png', 'webp', 'gif', 'tiff', 'heif']
const CHANNELS = { rgb: 3, grey: 1, rgba: 4 } as const

/** One picture as [C, H, W], upright as its EXIF data say. FORMAT, naming the file, for one that is damaged or too large. */
export async function readImage(path: string, options: ReadImageOptions = {}): Promise<NdArray> {
  checkOptions('readImage', options, READ_OPTIONS)
  checkImageOptions('readImage', options)
  return decode(path, options)
}

/** The pictures of these files, or of all in a folder and the folders within. */
export async function imageFiles(
  files: string | readonly string[],
  options: ImageFolderOptions = {},
): Promise<Dataset<NdArray> & { files: readonly string[] }> {
  const { followLinks, ...read } = checkFolderOptions('imageFiles', options)
  const found =
    typeof files === 'string'
      ? await findFiles('imageFiles', files, { extensions: EXTENSIONS, recursive: true, followLinks })
      : [...files]
  return imageFilesFrom({ files: found, options: read })
}

/** Pictures in folders that are named for their class: samples `[picture, class]`; `classes` has the names. */
export async function imageFolder(folder: string, options: ImageFolderOptions = {}): Promise<LabelledFiles> {
  const { followLinks, ...read } = checkFolderOptions('imageFolder', options)
  const { files, labels, classes } = await findClasses('imageFolder', folder, { extensions: EXTENSIONS, followLinks })
  return imageFolderFrom({ files, labels: Int32Array.from(labels), classes, options: read })
}

interface FilesFrom {
  readonly files: readonly string[]
  readonly options: ReadImageOptions
}

interface FolderFrom extends FilesFrom {
  readonly labels: Int32Array
  readonly classes: readonly string[]
}

/** @internal Also in a worker, which does not look through the folder again. */
export function imageFilesFrom(from: FilesFrom): FileDataset<NdArray> {
  const made = new FileDataset(from.files, (file) => decode(file, from.options))
  return withSource(made, { module: import.meta.url, name: 'imageFilesFrom', options: from })
}

/** @internal The same with classes. */
export function imageFolderFrom(from: FolderFrom): LabelledFiles {
  const { files, labels, classes, options } = from
  const made = new LabelledFiles(files, labels, classes, (file) => decode(file, options))
  return withSource(made, { module: import.meta.url, name: 'imageFolderFrom', options: from })
}

function checkFolderOptions(op: string, options: ImageFolderOptions): ImageFolderOptions {
  checkOptions(op, options, [...READ_OPTIONS, 'followLinks'])
  checkImageOptions(op, options)
  return options
}

function checkImageOptions(op: string, options: ReadImageOptions): void {
  const { size, crop, colour = 'rgb', fit = 'cover', dtype = 'f32', maxPixels = 1, maxBytes = 1 } = options
  for (const pair of [size, crop])
    if (pair !== undefined) for (const n of pairOf(pair)) checkInteger(op, 'a size', n, 1, 65535)
  const one = (name: string, value: string, allowed: readonly string[]) => {
    if (!allowed.includes(value)) fail('VALUE', op, `${name} is one of ${allowed.join(', ')}, got ${String(value)}.`)
  }
  one('colour', colour, Object.keys(CHANNELS))
  one('fit', fit, ['cover', 'contain', 'fill', 'inside', 'outside'])
  one('dtype', dtype, ['f32', 'u8'])
  checkInteger(op, 'maxPixels', maxPixels, 1)
  checkInteger(op, 'maxBytes', maxBytes, 1)
}

const pairOf = (size: number | readonly [number, number]): readonly [number, number] =>
  typeof size === 'number' ? [size, size] : size

async function decode(path: string, options: ReadImageOptions): Promise<NdArray> {
  const { maxPixels = 2 ** 26, maxBytes = 2 ** 28, colour = 'rgb', dtype = 'f32' } = options
  const bytes = await readWhole('readImage', path, maxBytes)
  const sharp = await loadSharp()
  try {
    const picture = sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error' })
    const found = await picture.metadata()
    const { format, width, height } = found
    if (!FORMATS.includes(format))
      fail('FORMAT', 'readImage', `${path}: is a picture of kind ${format}, which is not read.`)
    if (width * height > maxPixels)
      fail(
        'FORMAT',
        'readImage',
        `${path}: has ${width} x ${height} pixels, more than the ${maxPixels} that are allowed (maxPixels).`,
      )
    return await pixelsOf(path, picture, found, options, { channels: CHANNELS[colour], dtype })
  } catch (error) {
    if (error instanceof TenonError) throw error
    throw new TenonError(
      'FORMAT',
      'readImage',
      `${path}: cannot be decoded: ${(error as Error).message}. It is damaged or not a picture.`,
      { cause: error },
    )
  }
}

type Sharp = ReturnType<(typeof import('sharp'))['default']>
type Found = Awaited<ReturnType<Sharp['metadata']>>

/** Only what the picture needs: each of sharp's operations costs some 30 us even where it changes nothing. */
function upright(picture: Sharp, { orientation = 1 }: Found): Sharp {
  return orientation === 1 ? picture : picture.autoOrient()
}

/** The same of its channels. */
function coloured(picture: Sharp, { hasAlpha, space, depth }: Found, channels: 1 | 3 | 4): Sharp {
  const wanted = channels === 1 ? 'b-w' : 'srgb'
  if (channels === 4) return picture.ensureAlpha().toColourspace(wanted)
  const opaque = hasAlpha ? picture.removeAlpha() : picture
  return space === wanted && depth === 'uchar' ? opaque : opaque.toColourspace(wanted)
}

async function pixelsOf(
  path: string,
  picture: Sharp,
  found: Found,
  { size, fit = 'cover', crop }: ReadImageOptions,
  to: { channels: 1 | 3 | 4; dtype: 'f32' | 'u8' },
): Promise<NdArray> {
  let work = upright(picture, found)
  if (size !== undefined) {
    const [height, width] = pairOf(size)
    work = work.resize({ width, height, fit, background: { r: 0, g: 0, b: 0, alpha: 1 } })
  }
  work = coloured(work, found, to.channels)
  const { data, info } = await work.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true })
  if (info.channels !== to.channels)
    fail('FORMAT', 'readImage', `${path}: came with ${info.channels} channels instead of ${to.channels}.`)
  const [height, width] = crop === undefined ? [info.height, info.width] : pairOf(crop)
  if (height > info.height || width > info.width)
    fail(
      'SHAPE',
      'readImage',
      `${path}: ${info.height} x ${info.width} pixels are too few to cut out ${height} x ${width}.`,
    )
  return toPlanes(data, info, { ...to, height, width })
}

/** From pixels of channels to channels of pixels, taking the middle. */
function toPlanes(
  data: Uint8Array,
  from: { height: number; width: number },
  to: { channels: number; height: number; width: number; dtype: 'f32' | 'u8' },
): NdArray {
  const { channels, height, width, dtype } = to
  const out = freshArray([channels, height, width], dtype)
  const values = out.data as Float32Array | Uint8Array
  const scale = dtype === 'f32' ? 255 : 1
  const top = (from.height - height) >> 1
  const left = (from.width - width) >> 1
  for (let c = 0, i = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      let at = ((top + y) * from.width + left) * channels + c
      for (let x = 0; x < width; x++, at += channels) values[i++] = data[at]! / scale
    }
  }
  return out
}

let loading: Promise<(typeof import('sharp'))['default']> | null = null

/** sharp is an optional package: who reads no pictures does not need its native libraries. */
function loadSharp(): Promise<(typeof import('sharp'))['default']> {
  return (loading ??= import('sharp').then(
    (module) => module.default,
    (error: Error) => {
      loading = null
      throw new TenonError(
        'NATIVE',
        'readImage',
        `pictures need the package 'sharp', which cannot be loaded: ${error.message.split('\n')[0]} Install it with: npm install sharp`,
        { cause: error },
      )
    },
  ))
}
