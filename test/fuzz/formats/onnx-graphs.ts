/** @file ONNX graphs that are made: one operator of all that are known, with any inputs and settings, most of which do not fit. */
import { messageType } from '../../../lib/io/onnx/schema.ts'
import { operators } from '../../../lib/io/onnx/table.ts'
import { EDGES, pick } from '../mutate.ts'
import type { Random } from '../mutate.ts'

const FLAGS =
  'keepdims transA transB training_mode storage_order sorted select_last_index reverse linear_before_reset layout largest exclusive ' +
  'ceil_mode count_include_pad antialias align_corners allowzero is_causal inverse onesided upper noop_with_empty_axes periodic interleaved'
const INTEGERS =
  'axis p group q_num_heads kv_num_heads k blocksize output_dtype num_scan_inputs hidden_size time_axis batch_axis start end size to ' +
  'sampling_ratio sample_size output_width output_height offset_group num_outputs num_heads num_groups block_size batch_dims dtype seed'
const LISTS =
  'axes kernel_shape strides pads dilations perm shape output_shape output_padding split starts ends value_ints'
const FLOATS =
  'alpha beta epsilon scale bias spatial_scale ratio momentum mean low high gamma extrapolation_value clip lambd value_float'
const NAMES =
  'mode direction auto_pad reduction coordinate_transformation_mode nearest_mode padding_mode round_mode equation activation'
const VALUES =
  'linear cubic nearest constant reflect edge wrap avg max add mul bilinear half_pixel asymmetric align_corners floor ceil forward reverse ' +
  'bidirectional SAME_UPPER SAME_LOWER VALID none sum mean DCR CRD ij->ji ij,jk->ik ...i->... Tanh Relu border zeros'

const words = (list: string) => list.split(' ')

/** Sizes are small, or not at all. */
const integer = (random: Random): number =>
  random(12) ? random(7) - 1 : pick([...EDGES.filter((n) => n < 2 ** 62), -1, -(2 ** 31), -(2 ** 40)], random)

const integers = (random: Random): number[] => Array.from({ length: 1 + random(4) }, () => integer(random))

function attribute(random: Random): object {
  switch (random(6)) {
    case 0:
      return { name: pick(words(FLAGS), random), i: random(2), type: 2 }
    case 1:
      return { name: pick(words(FLOATS), random), f: pick([0, 0.5, 1, -1, 1e-5, 1e30, NaN], random), type: 1 }
    case 2:
      return { name: pick(words(NAMES), random), s: Buffer.from(pick(words(VALUES), random)), type: 3 }
    case 3:
    case 4:
      return { name: pick(words(LISTS), random), ints: integers(random), type: 7 }
    default:
      return { name: pick(words(INTEGERS), random), i: integer(random), type: 2 }
  }
}

const [FLOAT, INT64, BOOL] = [1, 7, 9]

/** A constant of the graph. */
function initializer(name: string, random: Random): object {
  if (random(3) === 0) {
    const numbers = integers(random)
    return {
      name,
      dataType: INT64,
      dims: random(4) ? [numbers.length] : [],
      int64Data: numbers.slice(0, random(4) ? 4 : 1),
    }
  }
  const dims = Array.from({ length: random(5) }, () => random(4))
  const size = dims.reduce((n, d) => n * d, 1)
  if (random(8) === 0) return { name, dataType: BOOL, dims, int32Data: Array.from({ length: size }, () => random(2)) }
  return { name, dataType: FLOAT, dims, floatData: Array.from({ length: size }, () => random(7) - 2) }
}

const type = await messageType('Model')
const places = [...operators].flatMap(([domain, entries]) => [...entries.keys()].map((name) => ({ domain, name })))

/** The bytes of a model: `y... = operator(inputs...)`, some of which are the model's own inputs. */
export function madeGraph(random: Random): Uint8Array {
  const { domain, name } = pick(places, random)
  const inputs = Array.from({ length: random(6) }, (_, i) => ({ name: `a${i}`, kind: random(8) }))
  const isGiven = ({ kind }: { kind: number }) => kind > 4
  const graph = {
    name: 'g',
    node: [
      {
        ...{ name: 'the node', opType: name, domain },
        input: inputs.map((input) => (input.kind === 0 ? '' : input.name)),
        output: Array.from({ length: 1 + random(3) }, (_, i) => `y${i}`),
        attribute: Array.from({ length: random(5) }, () => attribute(random)),
      },
    ],
    initializer: inputs
      .filter((input) => !isGiven(input) && input.kind > 0)
      .map((input) => initializer(input.name, random)),
    input: inputs.filter(isGiven).map((input) => ({
      name: input.name,
      type: {
        tensorType: {
          elemType: pick([FLOAT, FLOAT, FLOAT, INT64, BOOL], random),
          shape: { dim: Array.from({ length: random(5) }, () => ({ dimValue: random(6) })) },
        },
      },
    })),
    output: [{ name: 'y0' }],
  }
  const opsetImport = [...operators.keys()].map((key) => ({ domain: key, version: key === '' ? 6 + random(22) : 1 }))
  return type.encode(type.fromObject({ irVersion: 8, opsetImport, graph })).finish()
}
