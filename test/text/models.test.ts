/** @file GPT-2 and BERT: names, causality, masks, tied weights, checkpoints, errors. */
import * as assert from 'uvu/assert'
import { evaluateSync, manualSeed, models, randint, slice, sum, tensor, text } from '../../lib/index.ts'
import type { Tensor } from '../../lib/index.ts'
import { fromTensors } from '../support/arrays.ts'
import { suite } from '../support/suite.ts'
import { checkNear } from '../support/tolerance.ts'

const test = suite('text models')

const small = { vocabSize: 11, numPositions: 8, width: 8, numLayers: 2, numHeads: 2, dropout: 0 }
const near = { relative: 1e-5, scale: 1e-6 }

function same(what: string, got: Tensor, want: Tensor): void {
  const [x, y] = fromTensors([got, want])
  checkNear(what, x, y, near)
}

test('gpt2: parameters have the published names and layouts', () => {
  const shapes = Object.fromEntries(
    [...models.gpt2(small).stateDict()].map(([name, { shape }]) => [name, shape.join()]),
  )
  const block = (i: number) => ({
    [`h.${i}.ln_1.weight`]: '8',
    [`h.${i}.ln_1.bias`]: '8',
    [`h.${i}.attn.c_attn.weight`]: '8,24',
    [`h.${i}.attn.c_attn.bias`]: '24',
    [`h.${i}.attn.c_proj.weight`]: '8,8',
    [`h.${i}.attn.c_proj.bias`]: '8',
    [`h.${i}.ln_2.weight`]: '8',
    [`h.${i}.ln_2.bias`]: '8',
    [`h.${i}.mlp.c_fc.weight`]: '8,32',
    [`h.${i}.mlp.c_fc.bias`]: '32',
    [`h.${i}.mlp.c_proj.weight`]: '32,8',
    [`h.${i}.mlp.c_proj.bias`]: '8',
  })
  const ends = { 'ln_f.weight': '8', 'ln_f.bias': '8' }
  assert.equal(shapes, { 'wte.weight': '11,8', 'wpe.weight': '8,8', ...block(0), ...block(1), ...ends })
})

test('gpt2: the published sizes have their numbers of parameters', () => {
  assert.is(models.gpt2('124M').numParameters, 124_439_808)
  assert.is(models.gpt2('350M').numParameters, 354_823_168)
  assert.throws(() => models.gpt2('7B' as never), /there is no size '7B'. There are: 124M, 350M/)
})

test('gpt2: what comes later changes nothing before it', () => {
  manualSeed(1)
  const model = models.gpt2(small)
  const before = (last: bigint) => slice(model.forward(tensor([[1n, 2n, 3n, last]])), [null, [0, 3]])
  same('logits', before(4n), before(9n))
})

test('gpt2: checkpointed blocks give the same gradients', () => {
  const grads = (isCheckpointed: boolean) => {
    manualSeed(2)
    const model = models.gpt2({ ...small, dropout: 0.2, isCheckpointed })
    const ids = randint(0, 11, [2, 5])
    evaluateSync(ids, ...model.parameters())
    model.loss(ids, ids).backward()
    return model.parameters().map(({ grad }) => grad!)
  }
  const [plain, again] = [grads(false), grads(true)]
  plain.forEach((grad, i) => same(`gradient ${i}`, again[i], grad))
})

test('bert: parameters have the published names', () => {
  const names = [...new text.BERTMaskedLM(models.bert({ ...small, numLayers: 1 })).stateDict().keys()]
  const layer = ['attention.self.query', 'attention.self.key', 'attention.self.value', 'attention.output.dense']
  const wanted = [
    ...['word', 'position', 'token_type'].map((kind) => `bert.embeddings.${kind}_embeddings.weight`),
    ...['weight', 'bias'].flatMap((end) => [
      `bert.embeddings.LayerNorm.${end}`,
      ...[...layer, 'attention.output.LayerNorm', 'intermediate.dense', 'output.dense', 'output.LayerNorm'].map(
        (part) => `bert.encoder.layer.0.${part}.${end}`,
      ),
      `bert.pooler.dense.${end}`,
      `cls.predictions.transform.dense.${end}`,
      `cls.predictions.transform.LayerNorm.${end}`,
    ]),
    'cls.predictions.bias',
  ]
  assert.equal(names.sort(), wanted.sort())
  assert.is(models.bert().numParameters, 109_482_240)
})

test('bert: padding changes nothing for the text before it', () => {
  manualSeed(3)
  const model = models.bert(small).eval()
  const short = model.forward(tensor([[1n, 2n, 3n]]))
  const attentionMask = tensor([[1n, 1n, 1n, 0n, 0n]])
  const long = model.forward(tensor([[1n, 2n, 3n, 7n, 8n]]), { attentionMask })
  same('hidden', slice(long.hidden, [null, [0, 3]]), short.hidden)
  same('pooled', long.pooled, short.pooled)
  const types = { tokenTypeIds: tensor([[0n, 1n, 1n]]) }
  assert.ok(Math.abs(sum(model.forward(tensor([[1n, 2n, 3n]]), types).pooled.sub(short.pooled)).itemSync()) > 1e-4)
  const logits = new text.BERTMaskedLM(model).forward(tensor([[1n, 2n]]))
  assert.equal(logits.shape, [1, 2, 11])
})

for (const [what, fn, phrase] of [
  ['a long text', () => models.gpt2(small).forward(randint(0, 9, [1, 9])), /9 tokens are more than its 8 positions/],
  ['one axis', () => models.gpt2(small).forward(randint(0, 9, [4])), /needs token ids \[B, T\], got \[4\]/],
  ['heads', () => models.gpt2({ width: 9, numHeads: 2 }), /width must be a multiple of numHeads, got 9 and 2/],
  ['a typo', () => models.gpt2({ nHeads: 2 } as never), /unknown option 'nHeads'/],
  ['a long text for bert', () => models.bert(small).forward(randint(0, 9, [1, 9])), /T <= 8, got \[1, 9\]/],
] as const)
  test(`text models: error for ${what}`, () => assert.throws(fn, phrase))
