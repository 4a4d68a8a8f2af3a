/** @file A plan: the compiled form of one graph structure. Prints, and knows its cost before it runs. */
import { sizeOf } from '../shape.ts'
import { emit } from './emit.ts'
import { encode } from './encode.ts'
import type { Codes, Encoded } from './encode.ts'
import { toGraph } from './ir.ts'
import type { Graph } from './ir.ts'
import { fuse } from './passes/fuse.ts'
import type { Fused } from './passes/fuse.ts'
import { orient } from './passes/orient.ts'
import { order } from './passes/order.ts'
import type { Schedule } from './passes/order.ts'
import { place } from './passes/place.ts'
import type { Placement } from './passes/place.ts'
import { prune } from './passes/prune.ts'
import { share } from './passes/share.ts'
import { simplify } from './passes/simplify.ts'
import { widen } from './passes/widen.ts'
import { bufferBytes, flatten, showProgram } from './program.ts'
import type { Instr, Program } from './program.ts'
import { walkBlock } from './walk.ts'
import type { Walk } from './walk.ts'

/** The passes that can be switched off by name (TENON_PASSES_OFF=fuse,place), to find one that errs. */
export const optional = ['orient', 'simplify', 'share', 'fuse', 'epilogue', 'place'] as const
export type Optional = (typeof optional)[number]

/** What the engine answers when it has checked a plan. */
export interface NativePlan {
  readonly plan: unknown
  /** Private memory of each thread. */
  readonly scratchBytes: number
  /** Of each instruction, over all blocks. */
  readonly flops: Float64Array
  /** The same: bytes read plus written. */
  readonly bytes: Float64Array
}

export interface Summary {
  /** Floating-point operations of one run; multiply and add count as two. Of two branches the larger; a `whileLoop` counts as one trip. */
  readonly flops: number
  /** Bytes between instructions, of all threads' private memory, of everything that is bound; and the sum: the peak. */
  readonly arenaBytes: number
  readonly scratchBytes: number
  readonly variableBytes: number
  readonly inputBytes: number
  readonly outputBytes: number
  readonly peakBytes: number
  readonly instructions: number
}

export class Plan {
  readonly program: Program
  readonly placement: Placement
  readonly encoded: Encoded
  /** The instructions in the order of the engine's numbers. */
  readonly instrs: readonly Instr[]
  /** Set while it is profiled: gets what the instructions of each run took. */
  onTimes: ((times: ArrayBuffer) => void) | null = null
  #native: NativePlan | null = null

  constructor(program: Program, placement: Placement, encoded: Encoded) {
    this.program = program
    this.placement = placement
    this.encoded = encoded
    this.instrs = flatten(program)
  }

  /** Checked by the engine at first use, then kept. */
  native(create: (words: Float64Array, constants: ArrayBuffer) => NativePlan): NativePlan {
    return (this.#native ??= create(this.encoded.words, this.encoded.constants))
  }

  /** Memory that this plan holds by itself: for the cache. */
  get bytes(): number {
    return this.encoded.words.byteLength * 4 + this.encoded.constants.byteLength + 4096
  }

  /** @internal */
  cost(native: NativePlan, threads: number): Summary {
    const { buffers } = this.program
    const bytesIn = (space: string) =>
      buffers.reduce((n, buffer) => n + (buffer.space === space ? bufferBytes(buffer) : 0), 0)
    const arenaBytes = this.placement.arenaBytes
    const scratchBytes = native.scratchBytes * threads
    const [variableBytes, inputBytes, outputBytes] = [bytesIn('variable'), bytesIn('input'), bytesIn('output')]
    return {
      flops: this.#flopsOfRun(native.flops),
      arenaBytes,
      scratchBytes,
      variableBytes,
      inputBytes,
      outputBytes,
      peakBytes: arenaBytes + scratchBytes + variableBytes + inputBytes + outputBytes,
      instructions: this.instrs.length,
    }
  }

  /** Blocks stand behind what names them, so the last are summed first. */
  #flopsOfRun(flops: Float64Array): number {
    const { blocks } = this.program
    const totals = blocks.map(() => 0)
    let position = this.instrs.length
    for (let b = blocks.length - 1; b >= 0; b--) {
      for (const instr of blocks[b]!.toReversed()) {
        const inner = instr.blocks.map((block) => totals[block]!)
        const trips = instr.kernel === 'loop' && instr.ins.length === 0 ? instr.attrs[0]! : 1
        totals[b]! += flops[--position]! + trips * Math.max(0, ...inner)
      }
    }
    return totals[0]!
  }

  toString(): string {
    return showProgram(this.program, this.placement.offsets)
  }
}

/** Compiles the structure of a walk. */
export function compilePlan(walk: Walk, codes: Codes, off: ReadonlySet<string> = switchedOff()): Plan {
  const { fused, schedule } = schedules(walk, off)
  const sizes = {
    inputs: walk.inputs.map((t) => ({ dtype: t.dtype, elements: sizeOf(t.shape) })),
    numOperands: walk.operands.length,
    variables: walk.variables.map((v) => ({ dtype: v.dtype, elements: sizeOf(v.shape) })),
  }
  const program = emit(fused, schedule, sizes, (block) => schedules(walkBlock(block), off))
  const placement = place(program, { inPlace: !off.has('place') })
  return new Plan(program, placement, encode(program, placement, codes))
}

function schedules(walk: Walk, off: ReadonlySet<string>): { fused: Fused; schedule: Schedule } {
  const fused = fuse(optimize(toGraph(walk), off), {
    chains: !off.has('fuse'),
    epilogues: !off.has('fuse') && !off.has('epilogue'),
  })
  return { fused, schedule: order(fused) }
}

export function optimize(graph: Graph, off: ReadonlySet<string>): Graph {
  let g = prune(graph)
  if (!off.has('simplify')) g = simplify(g)
  if (!off.has('orient')) g = orient(g)
  g = widen(g)
  if (!off.has('share')) g = share(g)
  return prune(g)
}

function switchedOff(): ReadonlySet<string> {
  return new Set((process.env.TENON_PASSES_OFF ?? '').split(',').filter(Boolean))
}
