/** @file ImageProcessor: pictures to what ViT and CLIP read, as a model's folder describes it. No decoding: readImage does that. */
import type { NdArray } from '../data/arrays.ts'
import { readImage } from '../data/images.ts'
import { checkInteger, checkOptions, fail } from '../errors.ts'
import { Tensor } from '../graph/tensor.ts'
import type { ConfigValues, ModelConfig } from '../io/model-config.ts'
import { readPreprocessor, savePreprocessor } from '../io/preprocessor-file.ts'
import { tensor } from '../ops/create.ts'
import { add, clamp, div, floor, mul, sub } from '../ops/elementwise.ts'
import { smoothedLines } from '../ops/interpolate.ts'
import { narrow, pad, reshape, stack } from '../ops/layout.ts'
import { resample } from '../ops/resample.ts'
import { cast } from '../ops/table.ts'
import { showShape } from '../shape.ts'

export interface ImageProcessorOptions {
  /** [height, width], or of the shorter side, or null for pictures as they are. Default: [224, 224]. */
  size?: readonly [height: number, width: number] | { readonly shortestEdge: number } | null
  /** Default: 'bilinear'. */
  resample?: 'nearest' | 'bilinear' | 'bicubic'
  /** [height, width] of the middle that is kept; black where the picture is smaller. Default: null, all. */
  crop?: readonly [height: number, width: number] | null
  /** What numbers from 0 to 255 are multiplied by. Default: 1 / 255. */
  scale?: number
  /** Subtracted and divided by then, one number a channel; null for neither. Default: 0.5 each. */
  mean?: readonly number[] | null
  std?: readonly number[] | null
}

/** u8, [C, H, W]. */
export type Pixels = NdArray | Tensor

const NAMES = ['size', 'resample', 'crop', 'scale', 'mean', 'std']
const MAX_SIDE = 65535
const HALF = [0.5, 0.5, 0.5]
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711]
/** Pillow's numbers of filters. */
const FILTERS = { nearest: 0, bilinear: 2, bicubic: 3 } as const
const WEIGHT_STEPS = 2 ** 22

/**
 * Pictures to [B, C, H, W]: resized, cut, scaled and normalised. Resizing is Pillow's, to the bit: along rows, then along columns, a filter
 * that widens for smaller pictures, its weights in steps of 2^-22, and either pass ends in whole numbers of 0 to 255. (A JPEG that was decoded
 * by another library may be one of 255 levels off before that.)
 */
export class ImageProcessor {
  readonly options: Readonly<Required<ImageProcessorOptions>>
  readonly #saved: ConfigValues

  /** `saved`: what a file said; save() keeps what this class does not know. */
  constructor(options: ImageProcessorOptions = {}, saved: ConfigValues = {}) {
    this.options = completed(options)
    this.#saved = saved
  }

  /** Reads preprocessor.json or preprocessor_config.json of a folder. FORMAT for what tenon does not do. */
  static async fromPretrained(folder: string): Promise<ImageProcessor> {
    const config = await readPreprocessor(folder, 'image_processor')
    return new ImageProcessor(optionsFrom(config), config.values)
  }

  /** Writes preprocessor.json, and preprocessor_config.json for transformers, which say the same. */
  async save(folder: string): Promise<void> {
    await savePreprocessor(folder, { ...this.#saved, ...configForFile(this.options) })
  }

  /** Decodes files and processes them. */
  async read(files: string | readonly string[]): Promise<Tensor> {
    const list = typeof files === 'string' ? [files] : files
    return this.process(await Promise.all(list.map((file) => readImage(file, { dtype: 'u8' }))))
  }

  /** Pictures of any size, or one -> f32 [B, C, H, W]. */
  process(images: Pixels | readonly Pixels[]): Tensor {
    const list = Array.isArray(images) ? (images as readonly Pixels[]) : [images as Pixels]
    return stack(list.map((image) => this.#one(image)))
  }

  #one(image: Pixels): Tensor {
    const op = 'ImageProcessor.process'
    const { size, resample: filter, crop, scale, mean, std } = this.options
    const x = image instanceof Tensor ? image : tensor(image.data, { shape: image.shape })
    if (x.dtype !== 'u8') fail('DTYPE', op, `pixels are u8, got ${x.dtype}. readImage gives them with dtype 'u8'.`)
    const channels = mean?.length ?? x.shape[0]
    if (x.rank !== 3 || x.shape[0] !== channels || x.shape.includes(0))
      fail('SHAPE', op, `a picture is [${channels ?? 'C'}, H, W], got ${showShape(x.shape)}.`)
    const [height, width] = x.shape.slice(1) as [number, number]
    const sized = size === null ? cast(x, 'f32') : resized(x, targetOf(size, height, width), filter)
    const cut = crop === null ? sized : middle(middle(sized, 1, crop[0]), 2, crop[1])
    const scaled = mul(cut, scale)
    if (!mean || !std) return scaled
    const perChannel = (numbers: readonly number[]) => reshape(tensor(numbers), [numbers.length, 1, 1])
    return div(sub(scaled, perChannel(mean)), perChannel(std))
  }
}

function targetOf(size: NonNullable<ImageProcessorOptions['size']>, height: number, width: number): [number, number] {
  if (!('shortestEdge' in size)) return [size[0], size[1]]
  const { shortestEdge: edge } = size
  const long = Math.trunc((edge * Math.max(height, width)) / Math.min(height, width))
  return height < width ? [edge, long] : [long, edge]
}

/** u8 [C, H, W] -> f32 [C, height, width]. In f64 between: 8 bits times 22 are more than f32 holds. */
function resized(x: Tensor, [height, width]: [number, number], filter: keyof typeof FILTERS): Tensor {
  return cast(along(along(cast(x, 'f64'), 2, width, filter), 1, height, filter), 'f32')
}

function along(x: Tensor, axis: number, count: number, filter: keyof typeof FILTERS): Tensor {
  const extent = x.shape[axis]!
  if (extent === count) return x
  const ratio = extent / count
  const key = `Pillow ${filter} ${extent} ${count}`
  if (filter === 'nearest') {
    const nearest = Array.from({ length: count }, (_, i) => Math.min(Math.floor((i + 0.5) * ratio), extent - 1))
    return resample(
      x,
      axis,
      nearest.map((at) => ({ positions: [at], weights: [1] })),
      key,
    )
  }
  const lines = smoothedLines(filter, extent, count, ratio).map(({ positions, weights }) => ({
    positions,
    weights: weights.map((w) => (Math.sign(w) * Math.floor(Math.abs(w) * WEIGHT_STEPS + 0.5)) / WEIGHT_STEPS),
  }))
  return clamp(floor(add(resample(x, axis, lines, key), 0.5)), 0, 255)
}

/** The middle of an axis, with black on both sides where it is too short. */
function middle(x: Tensor, axis: number, wanted: number): Tensor {
  const extent = x.shape[axis]!
  if (wanted <= extent) return narrow(x, axis, Math.floor((extent - wanted) / 2), wanted)
  const before = Math.ceil((wanted - extent) / 2)
  const border: [number, number] = [before, wanted - extent - before]
  return pad(
    x,
    x.shape.map((_, i): [number, number] => (i === axis ? border : [0, 0])),
  )
}

function completed(options: ImageProcessorOptions): Required<ImageProcessorOptions> {
  const op = 'ImageProcessor'
  checkOptions(op, options, NAMES)
  const { size = [224, 224], resample = 'bilinear', crop = null, scale = 1 / 255, mean = HALF, std = HALF } = options
  const sizes = [...(size === null ? [] : 'shortestEdge' in size ? [size.shortestEdge] : size), ...(crop ?? [])]
  for (const n of sizes) checkInteger(op, 'a size', n, 1, MAX_SIDE)
  if (!Object.hasOwn(FILTERS, resample))
    fail('VALUE', op, `resample is one of ${Object.keys(FILTERS).join(', ')}, got ${String(resample)}.`)
  if (!Number.isFinite(scale)) fail('VALUE', op, `scale must be a number, got ${String(scale)}.`)
  if ((mean === null) !== (std === null) || mean?.length !== std?.length)
    fail('VALUE', op, 'mean and std have one number a channel, or both are null.')
  return { size, resample, crop, scale, mean, std }
}

/** ViT's and CLIP's differ in what an absent entry means. */
function optionsFrom(config: ModelConfig): ImageProcessorOptions {
  const kind = config.text('image_processor_type', config.text('feature_extractor_type', 'ViTImageProcessor'))
  if (!/^(ViT|CLIP)(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/.test(kind))
    return config.refuse(`the image processor is ${kind}; tenon has ViTImageProcessor and CLIPImageProcessor.`)
  const isClip = kind.startsWith('CLIP')
  const resample = config.integer('resample', isClip ? FILTERS.bicubic : FILTERS.bilinear, 0)
  const filter = Object.entries(FILTERS).find(([, number]) => number === resample)
  if (!filter) return config.refuse(`resample must be one of ${Object.values(FILTERS).join(', ')}, got ${resample}.`)
  const does = (what: string, fallback = true) => config.flag(`do_${what}`, fallback)
  const isNormal = does('normalize')
  return {
    size: does('resize') ? sizeFrom(config, isClip) : null,
    resample: filter[0] as keyof typeof FILTERS,
    crop: does('center_crop', isClip) ? pairFrom(config, 'crop_size', 224) : null,
    scale: does('rescale') ? config.number('rescale_factor', 1 / 255) : 1,
    mean: isNormal ? config.numbers('image_mean', 3, isClip ? CLIP_MEAN : HALF) : null,
    std: isNormal ? config.numbers('image_std', 3, isClip ? CLIP_STD : HALF) : null,
  }
}

/** Both sides, or the shorter one, which a single number is for CLIP. */
function sizeFrom(config: ModelConfig, isClip: boolean): NonNullable<ImageProcessorOptions['size']> {
  const size = config.values.size ?? 224
  if (typeof size === 'number' && isClip) return { shortestEdge: config.integer('size', 224, 1, MAX_SIDE) }
  if (typeof size === 'number') return pairFrom(config, 'size', 224)
  const entries = config.part('size')
  entries.only('longest_edge')
  return Object.hasOwn(entries.values, 'shortest_edge')
    ? { shortestEdge: entries.integer('shortest_edge', undefined, 1, MAX_SIDE) }
    : pairFrom(config, 'size', 224)
}

/** [height, width] of an entry that is one number or has both. */
function pairFrom(config: ModelConfig, name: string, fallback: number): [number, number] {
  const value = config.values[name] ?? fallback
  if (typeof value !== 'object') {
    const side = config.integer(name, fallback, 1, MAX_SIDE)
    return [side, side]
  }
  const entries = config.part(name)
  return [entries.integer('height', undefined, 1, MAX_SIDE), entries.integer('width', undefined, 1, MAX_SIDE)]
}

function configForFile(options: Required<ImageProcessorOptions>): ConfigValues {
  const { size, resample, crop, scale, mean, std } = options
  const pair = ([height, width]: readonly [number, number]) => ({ height, width })
  const isShortest = size !== null && 'shortestEdge' in size
  return {
    image_processor_type: crop || isShortest ? 'CLIPImageProcessor' : 'ViTImageProcessor',
    feature_extractor_type: undefined,
    do_convert_rgb: true,
    do_resize: size !== null,
    ...(size !== null && { size: isShortest ? { shortest_edge: size.shortestEdge } : pair(size) }),
    resample: FILTERS[resample],
    do_center_crop: crop !== null,
    ...(crop !== null && { crop_size: pair(crop) }),
    do_rescale: scale !== 1,
    rescale_factor: scale,
    do_normalize: mean !== null,
    ...(mean !== null && { image_mean: mean, image_std: std }),
  }
}
