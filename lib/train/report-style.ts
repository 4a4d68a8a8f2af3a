/** @file The report's look: light and dark by the reader's setting, made for 1280 pixels, readable on less and on paper. */

export const lightColours = /* css */ `
  --page: #f6f7f9; --card: #ffffff; --text: #1b2230; --muted: #667085; --line: #e4e7ec; --code: #f2f4f7;
  --train: #2f6fde; --validation: #e0701b; --trace: #b9cdf3; --good: #2f6fde; --bad: #d6453d; --soft: #eaf1fd;
`

/** Of the boxes and arrows of a model's graph. */
export const graphStyle = /* css */ `
svg text { fill: var(--text); font-size: 13px; text-anchor: middle; font-family: inherit; }
svg .box { fill: var(--card); stroke: var(--muted); stroke-width: 1; }
svg .end .box, svg .functions .box { fill: var(--code); stroke: var(--line); }
svg .load { fill: var(--train); opacity: 0.75; }
svg .layer .kind { font-weight: 600; }
svg .sub { fill: var(--muted); font-size: 11.5px; }
svg .flow { fill: none; stroke: var(--muted); stroke-width: 1.3; }
`

export const reportStyle = /* css */ `
:root {
  color-scheme: light dark;${lightColours}}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10141b; --card: #181e28; --text: #e6e9ef; --muted: #98a2b3; --line: #2a3240; --code: #10151d;
    --train: #6ea3ff; --validation: #f59b52; --trace: #314a78; --good: #5b93f5; --bad: #ef6a62; --soft: #1d2a42;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif;
  font-variant-numeric: tabular-nums; text-rendering: optimizeLegibility;
}
main { max-width: 1216px; margin: 0 auto; padding: 40px 32px 64px; }
header { margin-bottom: 28px; }
h1 { font-size: 30px; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 20px; letter-spacing: -0.01em; margin: 48px 0 14px; }
h3 { font-size: 14px; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
p { margin: 0 0 12px; max-width: 78ch; }
.muted, .lead { color: var(--muted); }
.lead { font-size: 15px; margin: 0; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 14px; font-size: 14px; }
a { color: var(--train); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .mono { font-family: ui-monospace, 'SF Mono', SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; font-size: 13px; }
pre { margin: 0; padding: 14px 16px; background: var(--code); border-radius: 8px; overflow: auto; max-height: 420px; white-space: pre-wrap; overflow-wrap: anywhere; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 16px 18px; margin: 0; min-width: 0; }
.card > h3 { margin-bottom: 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr)); gap: 14px; }
.tile .label { color: var(--muted); font-size: 13px; overflow-wrap: anywhere; }
.tile .value { font-size: 27px; line-height: 1.3; font-weight: 650; letter-spacing: -0.02em; white-space: nowrap; }
.tile .value small { font-size: 16px; font-weight: 500; letter-spacing: 0; }
.tile .note { color: var(--muted); font-size: 13px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(480px, 1fr)); gap: 14px; }
.chart figcaption { display: flex; justify-content: space-between; align-items: center; min-height: 26px; }
.plot { min-height: 262px; }
.chart button { font: inherit; font-size: 12px; color: var(--muted); background: none; border: 1px solid var(--line); border-radius: 6px; padding: 2px 9px; cursor: pointer; }
.chart button[aria-pressed='true'] { color: var(--train); border-color: currentColor; background: var(--soft); }
.uplot { font-family: inherit; }
.u-legend { font-size: 13px; color: var(--muted); text-align: left; margin: 2px 0 0 8px; }
.u-legend th { font-weight: 400; color: inherit; }
.u-legend .u-marker { width: 14px; height: 4px; border-radius: 2px; margin-right: 6px; }
.u-legend tr:first-child .u-marker { display: none; }
.u-legend tr:first-child .u-value { min-width: 1.5em; }
.u-legend .u-value { color: var(--text); font-weight: 600; min-width: 3em; }
.u-inline tr { margin-right: 8px; }
.u-legend .u-series > * { padding: 2px 3px; border: 0; }
.u-select { background: color-mix(in srgb, var(--train) 15%, transparent); }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: right; padding: 6px 10px; border-bottom: 1px solid var(--line); }
thead th { color: var(--muted); font-weight: 500; font-size: 13px; vertical-align: bottom; }
tbody tr:last-child > * { border-bottom: 0; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.scroll { overflow: auto; }
details { margin-top: 14px; }
summary { cursor: pointer; color: var(--train); font-size: 14px; }
details > .card { margin-top: 10px; }
.split { display: grid; grid-template-columns: minmax(0, 1.9fr) minmax(260px, 1fr); gap: 14px; align-items: start; }
.confusion { width: auto; font-size: 13px; margin: 0 auto; }
.confusion th, .confusion td { border: 0; padding: 0; text-align: center; min-width: 38px; height: 34px; }
.confusion tbody th { text-align: right; padding-right: 8px; font-weight: 500; min-width: 0; max-width: 160px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.confusion thead th { font-weight: 500; max-width: 90px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; padding: 0 4px; }
.confusion td { border: 1px solid var(--card); border-radius: 5px; background: color-mix(in srgb, var(--hue) var(--share), var(--code)); }
.confusion td.hit { --hue: var(--good); }
.confusion td.miss { --hue: var(--bad); }
.confusion td.strong { color: #fff; }
.confusion td.zero { color: transparent; }
/* Shares do not break. */
.confusion .side, .confusion tfoot > tr > * { white-space: nowrap; font-size: 12px; color: var(--muted); background: none; padding: 0 6px; }
.mistakes { display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: 14px; }
.mistakes.texts { grid-template-columns: repeat(auto-fill, minmax(360px, 1fr)); }
.mistake { padding: 12px; text-align: center; }
.mistake img { width: 96px; height: 96px; object-fit: contain; image-rendering: pixelated; border-radius: 6px; background: #000; display: block; margin: 0 auto 8px; }
.mistake blockquote { margin: 0 0 8px; text-align: left; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 9em; overflow: auto; }
.mistake .verdict { font-size: 14px; overflow-wrap: anywhere; }
.mistake .wrong { color: var(--bad); font-weight: 600; }
.model { display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 14px; align-items: start; }
.model .graph { overflow: auto; max-width: 440px; max-height: calc(100vh - 28px); min-height: min(100%, 420px); position: sticky; top: 14px; }
.model .graph svg { max-width: 100%; height: auto; display: block; margin: 0 auto; }
.model .wide { max-width: none; grid-column: 1 / -1; position: static; max-height: 1100px; }
.model .wide svg { max-width: none; }
.layers td:first-child { white-space: nowrap; }
.layers .detail { color: var(--muted); font-size: 12px; display: block; max-width: 300px; overflow: hidden; text-overflow: ellipsis; }
.layers .functions { color: var(--muted); font-style: italic; }
.layers .branch td { font-weight: 600; }
.layers .bar { display: block; height: 4px; border-radius: 2px; margin: 3px 0 0 auto; background: var(--train); opacity: 0.75; }
.lit > td { background: var(--soft); }
${graphStyle.trim()}
svg .lit .box { stroke: var(--train); stroke-width: 2; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 18px; margin: 0; font-size: 14px; }
dt { color: var(--muted); }
dd { margin: 0; overflow-wrap: anywhere; }
.reproduce { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 14px; }
.reproduce .full { grid-column: 1 / -1; }
footer { margin-top: 48px; color: var(--muted); font-size: 13px; }
@media (max-width: 900px) {
  main { padding: 24px 16px; }
  .split, .model, .reproduce { grid-template-columns: minmax(0, 1fr); }
  .charts { grid-template-columns: minmax(0, 1fr); }
  .model .graph { max-width: none; }
}
@media print {
  body { background: #fff; }
  .card { break-inside: avoid; }
  .model .graph, pre, .scroll { max-height: none; overflow: visible; }
}
`
