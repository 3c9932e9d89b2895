const WIDTH = 720
const HEIGHT = 420
const LEFT = 70
const RIGHT = 170
const TOP = 44
const BOTTOM = 52
/** At most so many steps on an axis. */
const TICKS = 5
/** Distinguishable also for those who see colours differently (Okabe and Ito). */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
}

export interface Series {
  readonly name: string
  /** [x, y], x ascending. */
  readonly points: readonly (readonly [number, number])[]
}

/** Lines over a common scale from 0; `marker` is a vertical line with a name. */
export function lineChart(
  chart: Chart & { readonly marker?: { readonly x: number; readonly name: string } },
  series: readonly Series[],
): string {
  const all = series.flatMap(({ points }) => points)
  const scale = scaleOf(
    rounded(Math.max(chart.marker?.x ?? 0, ...all.map(([x]) => x))),
    rounded(Math.max(...all.map(([, y]) => y))),
  )
  const lines = series.map(({ points }, i) => {
    const path = points.map(([x, y]) => `${scale.x(x)},${scale.y(y)}`).join(' ')
    return `<polyline points="${path}" fill="none" stroke="${colourOf(i)}" stroke-width="2"/>`
  })
  const { marker } = chart
  if (marker !== undefined) {
    const x = scale.x(marker.x)
    lines.push(
      `<line x1="${x}" y1="${TOP}" x2="${x}" y2="${HEIGHT - BOTTOM}" stroke="#888" stroke-dasharray="4 4"/>`,
      text(x, TOP - 6, marker.name, 'middle'),
    )
  }
  const names = series.map(({ name }, i) => legend(name, i))
  return frame(chart, [...axes(scale, true), ...lines, ...names])
}

export interface Bar {
  readonly name: string
  readonly value: number
}

export function barChart(chart: Chart, bars: readonly Bar[]): string {
  const scale = scaleOf(bars.length, rounded(Math.max(...bars.map(({ value }) => value))))
  const drawn = bars.flatMap(({ name, value }, i) => {
    const x = scale.x(i + 0.2)
    const y = scale.y(value)
    const width = scale.x(i + 0.8) - x
    return [
      `<rect x="${x}" y="${y}" width="${width}" height="${HEIGHT - BOTTOM - y}" fill="${colourOf(i)}"/>`,
      text(x + width / 2, y - 6, short(value), 'middle'),
      text(x + width / 2, HEIGHT - BOTTOM + 18, name, 'middle'),
    ]
  })
  return frame(chart, [...axes(scale, false), ...drawn])
}

interface Scale {
  readonly x: (value: number) => number
  readonly y: (value: number) => number
  readonly maxX: number
  readonly maxY: number
}

function scaleOf(maxX: number, maxY: number): Scale {
  return {
    x: (value) => round(LEFT + (value / maxX) * (WIDTH - LEFT - RIGHT)),
    y: (value) => round(HEIGHT - BOTTOM - (value / maxY) * (HEIGHT - TOP - BOTTOM)),
    maxX,
    maxY,
  }
}

/** Between two marks on an axis for values up to `max`: 1, 2 or 5 of some power of ten, at most five of them. */
function stepFor(max: number): number {
  const power = 10 ** Math.floor(Math.log10(max / TICKS))
  const times = [1, 2, 5, 10].find((factor) => factor * power * TICKS >= max * (1 - 1e-9))
  return (times ?? 10) * power
}

/** Where an axis for such values ends: at a mark. Only zeros get an axis up to 1. */
function rounded(max: number): number {
  if (max <= 0) return 1
  const step = stepFor(max)
  return step * Math.ceil(max / step - 1e-9)
}

function axes(scale: Scale, hasXTicks: boolean): string[] {
  const floor = HEIGHT - BOTTOM
  const lines = [
    `<line x1="${LEFT}" y1="${floor}" x2="${WIDTH - RIGHT}" y2="${floor}" stroke="#000"/>`,
    `<line x1="${LEFT}" y1="${TOP}" x2="${LEFT}" y2="${floor}" stroke="#000"/>`,
  ]
  for (const y of ticks(scale.maxY)) {
    lines.push(text(LEFT - 8, scale.y(y) + 4, short(y), 'end'))
  }
  for (const x of hasXTicks ? ticks(scale.maxX) : []) {
    lines.push(text(scale.x(x), floor + 18, short(x), 'middle'))
  }
  return lines
}

function ticks(max: number): number[] {
  const step = stepFor(max)
  return Array.from({ length: Math.round(max / step) + 1 }, (_, tick) => tick * step)
}

function legend(name: string, index: number): string {
  const y = TOP + 20 * index
  const x = WIDTH - RIGHT + 16
  return `<rect x="${x}" y="${y}" width="12" height="12" fill="${colourOf(index)}"/>${text(x + 18, y + 11, name, 'start')}`
}

function frame({ title, xLabel, yLabel }: Chart, content: readonly string[]): string {
  const middle = (LEFT + WIDTH - RIGHT) / 2
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${middle}" y="18" text-anchor="middle" font-size="14">${escaped(title)}</text>`,
    text(middle, HEIGHT - 12, xLabel, 'middle'),
    `<text transform="translate(16 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escaped(yLabel)}</text>`,
    ...content,
    '</svg>\n',
  ].join('\n')
}

const text = (x: number, y: number, content: string, anchor: string): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${escaped(content)}</text>`

const colourOf = (index: number): string => colours[index % colours.length] ?? '#000'
const round = (value: number): number => Math.round(value * 10) / 10
const short = (value: number): string => Number(value.toPrecision(3)).toString()
const escaped = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
