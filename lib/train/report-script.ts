/** @file What runs in the report's page: draws the curves by uPlot. Plain JavaScript, kept as text, since it is never run here. */

export const reportScript = /* js */ `
'use strict'
const specs = JSON.parse(document.getElementById('charts').textContent)
const dark = matchMedia('(prefers-color-scheme: dark)')
const plots = []

const scaled = (value, base, units) => {
  let power = 0
  while (power < units.length - 1 && Math.abs(value) >= base * 0.9995) { value /= base; power++ }
  return String(Number(value.toPrecision(3))) + units[power]
}
const formats = {
  number: (v) => (v !== 0 && (Math.abs(v) < 1e-3 || Math.abs(v) >= 1e6) ? Number(v.toPrecision(3)).toExponential() : String(Number(v.toPrecision(4)))),
  bytes: (v) => scaled(v, 1024, [' B', ' KiB', ' MiB', ' GiB', ' TiB']),
  rate: (v) => scaled(v, 1000, ['', ' k', ' M']) + '/s',
  share: (v) => Number((v * 100).toPrecision(3)) + ' %',
}

// Ticks of bytes are round in powers of 2.
const powers = Array.from({ length: 50 }, (_, i) => 2 ** i)

function draw(index, isLog) {
  const spec = specs[index]
  const box = document.querySelector('#chart-' + index + ' .plot')
  const css = getComputedStyle(document.documentElement)
  const color = (name) => css.getPropertyValue('--' + name).trim()
  const format = formats[spec.format]
  const xs = spec.data[0]
  const numEpochs = Math.ceil(xs[xs.length - 1])
  const series = spec.series.map(({ label, role }, i) => {
    const numPoints = spec.data[i + 1].filter((y) => y !== null).length
    return {
      label,
      stroke: color(role),
      width: role === 'trace' ? 1 : 2,
      spanGaps: true,
      points: { show: role !== 'trace' && numPoints <= 40, size: 6, fill: color(role) },
      value: (u, y) => (y == null ? '' : format(y)),
    }
  })
  const axis = { stroke: color('muted'), grid: { stroke: color('line'), width: 1 }, ticks: { show: false }, font: '12px system-ui, sans-serif' }
  const positive = (low) => (low > 0 ? low : 1e-9)
  const flat = (low, high) => (low === high ? [low - Math.abs(low || 1) * 0.1, high + Math.abs(high || 1) * 0.1] : [low, high])
  const yRange = (u, low, high) => {
    if (low == null) return [0, 1]
    if (isLog) return uPlot.rangeLog(positive(low), Math.max(high, positive(low) * 1.01), 10, false)
    const [a, b] = flat(low, high)
    const pad = (b - a) * 0.08
    return [spec.fromZero ? Math.min(0, low) : a - pad, b + pad]
  }
  const last = spec.data.map((column) => column.findLastIndex((y) => y !== null))
  const rest = (u) => u.setLegend({ idxs: last }, false)
  const plot = new uPlot({
    width: box.clientWidth,
    height: 230,
    padding: [12, 12, 0, 0],
    cursor: {
      sync: { key: 'epochs', setSeries: false },
      y: false,
      drag: { x: true, y: false },
      hover: { prox: 1e6, skip: [null, undefined] },
      points: { size: 7 },
    },
    legend: { markers: { width: 0, fill: (u, i) => (i === 0 ? 'transparent' : series[i - 1].stroke) } },
    scales: {
      x: { time: false, range: (u, low, high) => (low === high ? [low - 1, high + 1] : [low, high]) },
      y: { distr: isLog ? 3 : 1, range: yRange },
    },
    axes: [
      { ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000], space: 40 },
      { ...axis, size: 66, ...(spec.format === 'bytes' ? { incrs: powers } : {}), values: (u, ticks) => ticks.map((v) => (v == null ? '' : format(v))), space: 36 },
    ],
    series: [{ label: numEpochs > 0 ? 'epoch' : '', value: (u, x) => (x == null ? '' : String(Number(x.toFixed(2)))) }, ...series],
    hooks: { ready: [rest], setCursor: [(u) => { if (u.cursor.idx == null) rest(u) }] },
  }, spec.data, box)
  return { plot, box, isLog }
}

function drawAll() {
  specs.forEach((_, i) => {
    const old = plots[i]
    if (old) old.plot.destroy()
    plots[i] = draw(i, old ? old.isLog : false)
  })
}

drawAll()
dark.addEventListener('change', drawAll)
addEventListener('resize', () => { for (const { plot, box } of plots) plot.setSize({ width: box.clientWidth, height: 230 }) })
for (const button of document.querySelectorAll('[data-log]')) {
  button.addEventListener('click', () => {
    const index = Number(button.dataset.log)
    const isLog = !plots[index].isLog
    plots[index].plot.destroy()
    plots[index] = draw(index, isLog)
    button.setAttribute('aria-pressed', String(isLog))
  })
}
for (const part of document.querySelectorAll('[data-layer]')) {
  const same = document.querySelectorAll('[data-layer="' + part.dataset.layer + '"]')
  part.addEventListener('pointerenter', () => same.forEach((other) => other.classList.add('lit')))
  part.addEventListener('pointerleave', () => same.forEach((other) => other.classList.remove('lit')))
}
`
