/** @file The report: a page from made-up numbers has all its parts, holds all it needs, and shows texts as texts. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decode } from 'fast-png'
import { modelSummary, nn, writeReport, zeros } from 'tenon'
import type { Mistake, ReportInput, Tensor } from 'tenon'
import * as assert from 'uvu/assert'
import { chartsOf } from '../../lib/train/report-charts.ts'
import { suite } from '../support/suite.ts'

const test = suite('report')
const dir = mkdtempSync(join(tmpdir(), 'tenon-report-'))
test.after(() => rmSync(dir, { recursive: true, force: true }))

const evil = `</script><script>alert("1")</script><img src=x onerror='alert(2)'>&`

class Net extends nn.Module {
  first = new nn.Linear(4, 8)
  second = new nn.Linear(8, 3)
  override forward(x: Tensor): Tensor {
    const y = this.first.forward(x).relu()
    return this.second.forward(y.add(y.sin()))
  }
}

type History = ReportInput['history']

function made(numEpochs: number, stepsEach: number): History {
  const epochs = Array.from({ length: numEpochs }, (_, i) => ({
    epoch: i + 1,
    seconds: 2,
    metrics: { loss: 1 / (i + 1), val_loss: 1.1 / (i + 1), accuracy: 0.9, val_accuracy: i === 0 ? 0.75 : 0.625 },
    learningRate: 1e-3,
    samplesPerSecond: 1000,
    memoryBytes: 3 * 2 ** 20,
    waitShare: 0.01,
    skipped: 0,
  }))
  const steps = Array.from({ length: numEpochs * stepsEach }, (_, i) => ({
    step: i + 1,
    epoch: Math.floor(i / stepsEach) + 1,
    loss: i === 5 ? NaN : 2 / (i + 1),
    learningRate: 1e-3,
    seconds: 0.01,
  }))
  return { epochs, steps }
}

const model = new Net()
const mistakes: Mistake[] = [
  {
    truth: 'cat',
    predicted: 'dog',
    confidence: 0.6,
    image: { width: 2, height: 2, pixels: Uint8Array.of(1, 2, 3, 4) },
  },
  { truth: 'dog', predicted: evil, confidence: 0.97, text: `said ${evil}` },
]
const input: ReportInput = {
  title: `Report ${evil}`,
  history: made(3, 20),
  model,
  summary: modelSummary(model, zeros([5, 4])),
  confusion: {
    labels: ['cat', evil],
    counts: [
      [7, 3],
      [0, 5],
    ],
  },
  mistakes,
  reproduce: { seed: 7, versions: { tenon: '0.1.0', [evil]: evil }, commands: [`run ${evil}`], options: { evil } },
}

async function pageOf(given: ReportInput): Promise<string> {
  const path = await writeReport(dir, given)
  assert.is(path, join(dir, 'report.html'))
  assert.equal(readdirSync(dir), ['report.html'])
  return readFileSync(path, 'utf8')
}

/** What a browser shows, about. */
const textOf = (page: string) =>
  page
    .replaceAll(/<(script|style)[\s\S]*?<\/\1>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')

test('all sections are there, with the numbers of the training', async () => {
  const page = await pageOf(input)
  const headings = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1])
  assert.equal(headings, ['Curves', 'Confusion matrix', 'Worst mistakes', 'Model', 'How to reproduce'])
  const titles = [...page.matchAll(/<h3>(.*?)<\/h3>/g)].map((match) => match[1]).slice(0, 6)
  assert.equal(titles, ['Loss', 'Accuracy', 'Learning rate', 'Throughput', 'Memory', 'Waiting for data'])
  const text = textOf(page)
  for (const part of [
    'Net, 67 parameters · 3 epochs, 60 steps, 6.00 s · seed 7',
    'Validation accuracy 0.6250 best 0.7500 in epoch 1',
    'Validation loss 0.3667 best 0.3667 in epoch 3',
    '1.00 k/s',
    '3.00 MiB',
    '12 of 15 right (80.0 %)',
    'first Linear 4, 8',
    'relu, sin, add',
    'Net, whole [5, 3] 67',
  ]) {
    assert.ok(text.includes(part), part)
  }
})

test('the page needs no network and may use none', async () => {
  const page = await pageOf(input)
  assert.ok(page.includes(`default-src 'none'`))
  assert.ok(page.includes('uPlot=function'), 'the chart library is in the page')
  const targets = [...page.matchAll(/(?:src|href|action)="([^"]*)"/g)].map((match) => match[1]!)
  assert.equal(
    targets.filter((target) => !target.startsWith('#') && !target.startsWith('data:image/png;base64,')),
    [],
  )
  assert.not.match(page, /@import|url\((?!#)|fetch\(|XMLHttpRequest|<link|<iframe/)
})

test('what comes from data is shown as text', async () => {
  const page = await pageOf(input)
  assert.is([...page.matchAll(/<script/g)].length, 3)
  assert.is([...page.matchAll(/<\/script>/g)].length, 3)
  assert.not.ok(page.includes('<img src=x'))
  assert.not.ok(page.includes(evil))
  assert.is([...page.matchAll(/<img\s/g)].length, 1)
})

test('pictures of mistakes are PNGs of their pixels; the surest come first', async () => {
  const page = await pageOf(input)
  const png = /data:image\/png;base64,([^"]+)"/.exec(page)![1]!
  const { width, height, channels, data } = decode(Buffer.from(png, 'base64'))
  assert.equal([width, height, channels, ...data], [2, 2, 1, 1, 2, 3, 4])
  assert.ok(page.indexOf('97.0') < page.indexOf('60.0'))
})

test('the charts get every series, aligned, NaN as a gap', async () => {
  const page = await pageOf(input)
  const json = /<script type="application\/json" id="charts">([\s\S]*?)<\/script>/.exec(page)![1]!
  const charts = JSON.parse(json) as { title: string; series: { label: string }[]; data: (number | null)[][] }[]
  const loss = charts[0]!
  assert.equal(
    loss.series.map(({ label }) => label),
    ['step', 'training', 'validation'],
  )
  const [xs, each, , validation] = loss.data as [number[], (number | null)[], number[], (number | null)[]]
  assert.is(xs.length, 60)
  assert.equal([xs[0], xs[19], xs[20], xs.at(-1)], [0.05, 1, 1.05, 3])
  assert.equal([each[0], each[5], each.at(-1)], [2, null, 0.0333333])
  assert.equal([validation[18], validation[19], validation.at(-1)], [null, 1.1, 1.1 / 3])
  assert.ok(charts.every(({ data, series }) => data.length === series.length + 1))
  assert.ok(charts.every(({ data }) => data.every((column) => column.length === data[0]!.length)))
})

test('a long training is thinned, its spikes stay', () => {
  const history = made(4, 25_000)
  history.steps[77_777] = { ...history.steps[77_777]!, loss: 1000 }
  const [loss] = chartsOf(history)
  const [each] = loss!.series
  assert.ok(each!.points.length <= 1300 && each!.points.length > 600, String(each!.points.length))
  assert.is(Math.max(...each!.points.map(([, y]) => y ?? 0)), 1000)
})

test('what is not given is left out: no summary, no predictions, no finished epoch', async () => {
  const { summary: _, confusion: __, mistakes: ___, ...rest } = input
  const page = await pageOf({ ...rest, history: { epochs: [], steps: [], stopped: 'SIGTERM' } })
  const headings = [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map((match) => match[1])
  assert.equal(headings, ['Curves', 'Model', 'How to reproduce'])
  const text = textOf(page)
  for (const part of ['No epoch was finished', 'stopped early (SIGTERM)', 'second Linear 8, 3 27']) {
    assert.ok(text.includes(part), part)
  }
})

test('a model of many layers is drawn by its containers', async () => {
  const blocks = Array.from({ length: 50 }, () => new nn.Sequential(new nn.Linear(4, 4), new nn.ReLU()))
  const deep = new nn.Sequential(...blocks)
  const page = await pageOf({ ...input, model: deep, summary: modelSummary(deep, zeros([1, 4])) })
  assert.is([...page.matchAll(/<g class="layer"/g)].length, 50)
  assert.is([...page.matchAll(/<g class="end"/g)].length, 2)
})

test('a confusion matrix that is not square and an unknown part are refused', async () => {
  const refusal = async (given: ReportInput) => {
    const outcome = await writeReport(dir, given).catch((error: Error) => error)
    return outcome instanceof Error ? outcome.message : ''
  }
  assert.match(await refusal({ ...input, confusion: { labels: ['a', 'b'], counts: [[1, 2]] } }), /must be square/)
  assert.match(await refusal({ ...input, confusions: [] } as never), /Did you mean 'confusion'/)
})
