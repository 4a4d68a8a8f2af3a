/** @file SentencePiece models (protobuf) as the content of a tokenizer.json. */
import type { Type } from 'protobufjs'
import { fail, TenonError } from '../../errors.ts'
import { addedToken } from './added-tokens.ts'
import type { Json } from './json.ts'

/** The part of sentencepiece_model.proto that is read here. */
const MESSAGES = {
  ModelProto: {
    pieces: [1, 'SentencePiece', 'repeated'],
    trainerSpec: [2, 'TrainerSpec'],
    normalizerSpec: [3, 'NormalizerSpec'],
  },
  SentencePiece: { piece: [1, 'string'], score: [2, 'float'], type: [3, 'int32'] },
  TrainerSpec: {
    modelType: [3, 'int32'],
    treatWhitespaceAsSuffix: [24, 'bool'],
    byteFallback: [35, 'bool'],
    bosId: [41, 'int32'],
    eosId: [42, 'int32'],
  },
  NormalizerSpec: {
    name: [1, 'string'],
    precompiledCharsmap: [2, 'bytes'],
    addDummyPrefix: [3, 'bool'],
    removeExtraWhitespaces: [4, 'bool'],
    escapeWhitespaces: [5, 'bool'],
  },
} satisfies Record<string, Record<string, [id: number, type: string, rule?: 'repeated']>>

/** Types of pieces. */
const [NORMAL, UNKNOWN, CONTROL, USER_DEFINED] = [1, 2, 3, 4]
const [UNIGRAM, BPE] = [1, 2]
const MARK = '▁'

export interface SentencePiece {
  piece?: string
  score?: number
  type?: number
}

export interface ModelProto {
  pieces: SentencePiece[]
  trainerSpec?: Partial<Record<'modelType' | 'bosId' | 'eosId', number>> & {
    byteFallback?: boolean
    treatWhitespaceAsSuffix?: boolean
  }
  normalizerSpec?: Partial<Record<'addDummyPrefix' | 'removeExtraWhitespaces' | 'escapeWhitespaces', boolean>> & {
    name?: string
    precompiledCharsmap?: Uint8Array
  }
}

/** `settings` is a tokenizer_config.json, which says what is put around a text: by itself a model puts nothing. */
export async function describeSentencePiece(name: string, bytes: Uint8Array, settings: Json): Promise<unknown> {
  return describeProto(name, await decode(name, bytes), settings)
}

/** The same of a model that was read from elsewhere. */
export function describeProto(name: string, proto: ModelProto, settings: Json): unknown {
  const refuse = (rule: string): never => fail('FORMAT', 'Tokenizer', `${name}: ${rule}`)
  const { modelType = UNIGRAM, byteFallback = false, treatWhitespaceAsSuffix = false } = proto.trainerSpec ?? {}
  if (modelType !== UNIGRAM && modelType !== BPE) refuse(`must be a unigram or BPE model, got type ${modelType}.`)
  if (treatWhitespaceAsSuffix) refuse('spaces behind words are not supported.')
  const pieces = proto.pieces.map(({ piece = '', score = 0, type = NORMAL }, id) => {
    if (piece === '' || !Number.isFinite(score))
      refuse(`piece ${id} must have a text and a score, got '${piece}' and ${score}.`)
    return { piece, score, type, id }
  })
  const unknown = pieces.find(({ type }) => type === UNKNOWN) ?? refuse('must have a piece for what is unknown.')
  const special = pieces.filter(({ type }) => type === CONTROL || type === UNKNOWN || type === USER_DEFINED)
  return {
    version: '1.0',
    added_tokens: special.map(({ piece, id, type }) => addedToken(id, piece, type !== USER_DEFINED)),
    normalizer: { type: 'Sequence', normalizers: normalizersOf(proto) },
    pre_tokenizer: null,
    post_processor: postProcessorOf(proto, settings),
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: MARK }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(isPrefixed(proto) ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model:
      modelType === UNIGRAM
        ? {
            ...{ type: 'Unigram', unk_id: unknown.id, byte_fallback: byteFallback },
            vocab: pieces.map(({ piece, score }) => [piece, score]),
          }
        : {
            ...{ type: 'BPE', dropout: null, unk_token: unknown.piece, continuing_subword_prefix: null },
            ...{ end_of_word_suffix: null, fuse_unk: true, byte_fallback: byteFallback, ignore_merges: false },
            vocab: Object.fromEntries(pieces.map(({ piece, id }) => [piece, id])),
            merges: mergesOf(pieces),
          },
  }
}

const isPrefixed = ({ normalizerSpec }: ModelProto): boolean => normalizerSpec?.addDummyPrefix ?? true

function normalizersOf(proto: ModelProto): object[] {
  const { precompiledCharsmap, removeExtraWhitespaces = true, escapeWhitespaces = true } = proto.normalizerSpec ?? {}
  const list: object[] = []
  // longest_match is tenon's entry; the reference reads past it.
  if (precompiledCharsmap?.length) {
    const map = Buffer.from(precompiledCharsmap).toString('base64')
    list.push({ type: 'Precompiled', precompiled_charsmap: map, longest_match: true })
  }
  if (removeExtraWhitespaces)
    list.push(
      { type: 'Strip', strip_left: true, strip_right: true },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    )
  const mark = escapeWhitespaces ? MARK : ' '
  if (isPrefixed(proto)) list.push({ type: 'Prepend', prepend: mark })
  if (escapeWhitespaces) list.push({ type: 'Replace', pattern: { String: ' ' }, content: MARK })
  return list
}

/** Llama's begins with <s>, T5's ends with </s>, unless settings say otherwise. */
function postProcessorOf({ pieces, trainerSpec }: ModelProto, settings: Json): object | null {
  const kind = settings.field('tokenizer_class').text('')
  const { bosId = 1, eosId = 2 } = trainerSpec ?? {}
  const slot = (id: number) => ({ SpecialToken: { id: pieces[id]!.piece, type_id: 0 } })
  const hasBos = settings.field('add_bos_token').flag(/^Llama|^Code|^Gemma/.test(kind)) && pieces[bosId] !== undefined
  const hasEos = settings.field('add_eos_token').flag(/^M?T5/.test(kind)) && pieces[eosId] !== undefined
  if (!hasBos && !hasEos) return null
  const around = (type: string) => [
    ...(hasBos ? [slot(bosId)] : []),
    { Sequence: { id: type, type_id: 0 } },
    ...(hasEos ? [slot(eosId)] : []),
  ]
  const ids = [...(hasBos ? [bosId] : []), ...(hasEos ? [eosId] : [])]
  const specials = ids.map((id) => [
    pieces[id]!.piece!,
    { id: pieces[id]!.piece, ids: [id], tokens: [pieces[id]!.piece] },
  ])
  return {
    type: 'TemplateProcessing',
    single: around('A'),
    pair: [...around('A'), ...around('B')],
    special_tokens: Object.fromEntries(specials) as object,
  }
}

/** Every way to join two pieces to one; a piece of higher score is joined first. */
function mergesOf(pieces: readonly { piece: string; score: number; type: number }[]): [string, string][] {
  const known = new Set(pieces.map(({ piece }) => piece))
  const merges: { pair: [string, string]; score: number }[] = []
  for (const { piece, score, type } of pieces) {
    if (type !== NORMAL && type !== USER_DEFINED) continue
    for (let cut = 1; cut < piece.length; cut++) {
      const pair: [string, string] = [piece.slice(0, cut), piece.slice(cut)]
      if (known.has(pair[0]) && known.has(pair[1])) merges.push({ pair, score })
    }
  }
  merges.sort((a, b) => b.score - a.score || b.pair[0].length - a.pair[0].length)
  return merges.map(({ pair }) => pair)
}

let known: Type | null = null

/** @internal The message that a file consists of. protobufjs is loaded when it is first asked for. */
export async function modelType(): Promise<Type> {
  if (known) return known
  const { default: protobuf } = await import('protobufjs/light.js')
  const nested = Object.entries(MESSAGES).map(([message, fields]) => {
    const described = Object.entries(fields).map(([field, [id, type, rule]]) => [
      field,
      { id, type, ...(rule && { rule }) },
    ])
    // Of proto2: a field that is there and false is not one that is missing.
    return [message, { edition: 'proto2', fields: Object.fromEntries(described) }]
  })
  known = protobuf.Root.fromJSON({ nested: Object.fromEntries(nested) }).lookupType('ModelProto')
  return known
}

async function decode(name: string, bytes: Uint8Array): Promise<ModelProto> {
  const type = await modelType()
  try {
    const proto = type.toObject(type.decode(bytes), { arrays: true }) as ModelProto
    if (proto.pieces.length > 0) return proto
  } catch (error) {
    throw new TenonError('FORMAT', 'Tokenizer', `${name}: is no SentencePiece model: ${(error as Error).message}.`, {
      cause: error,
    })
  }
  return fail('FORMAT', 'Tokenizer', `${name}: is no SentencePiece model: it has no pieces.`)
}
