// The pictures of docs/behaviours.md, as SVG text. Made with echarts on the server: no browser.
import * as echarts from 'echarts'

const font = 'system-ui, sans-serif'
const colours = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd']

function render(option, { width = 860, height = 360 } = {}) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    color: colours,
    textStyle: { fontFamily: font },
    ...option,
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}

function axis(name, more = {}) {
  return { type: 'value', name, nameLocation: 'middle', nameGap: 30, ...more }
}

/** One row of points per series: when each SYN was sent. */
export function synRetransmission({ documented, here, doubling }) {
  const rows = [
    ['documented', documented],
    ['here, tcp_syn_linear_timeouts=0', doubling],
    ['here, as the kernel is set', here],
  ]
  return render({
    title: { text: 'SYNs of a client that meets a full accept queue' },
    grid: { left: 230, right: 40, top: 60, bottom: 50 },
    xAxis: axis('seconds since the first SYN'),
    yAxis: { type: 'category', data: rows.map(([name]) => name) },
    series: rows.map(([name, times], row) => ({
      name,
      type: 'scatter',
      symbolSize: 10,
      data: times.map((ms) => [ms / 1000, row]),
    })),
  })
}

/** The queue's length over time, with its limit as a dashed line. */
export function queueLength({ clients, stalledFor, runs }) {
  return render({
    title: {
      text: `${clients} clients meet a server that stands still for ${stalledFor} ms`,
      subtext: 'connections in the accept queue',
    },
    legend: { bottom: 0 },
    grid: { left: 60, right: 40, top: 70, bottom: 80 },
    xAxis: axis('milliseconds', { min: 0, max: 2000 }),
    yAxis: axis('', { nameGap: 0 }),
    series: runs.map(({ backlog, samples }) => ({
      name: `backlog ${backlog}`,
      type: 'line',
      step: 'end',
      showSymbol: false,
      data: samples,
      ...(backlog < clients && {
        markLine: {
          symbol: 'none',
          label: { formatter: `${backlog}` },
          lineStyle: { type: 'dashed' },
          data: [{ yAxis: backlog }],
        },
      }),
    })),
  })
}

/** When the probes went out, and when the connection was given up. */
export function keepAlive({ idle, interval, count, probesAtMs, afterMs }) {
  const seconds = (ms) => ms / 1000
  return render(
    {
      title: {
        text: 'Keep-alive probes to a peer that has gone deaf',
        subtext: `idle ${seconds(idle)} s, interval ${seconds(interval)} s, count ${count}`,
      },
      grid: { left: 60, right: 60, top: 80, bottom: 50 },
      xAxis: axis('seconds since the last traffic', { min: 0 }),
      yAxis: { type: 'category', data: [''] },
      legend: { bottom: 0, show: false },
      series: [
        {
          type: 'scatter',
          symbolSize: 12,
          data: probesAtMs.map((ms) => [seconds(ms), 0]),
          label: { show: true, position: 'top', formatter: 'probe', fontSize: 10 },
        },
        {
          type: 'scatter',
          symbol: 'diamond',
          symbolSize: 18,
          data: [[seconds(afterMs), 0]],
          label: { show: true, position: 'bottom', formatter: 'ETIMEDOUT' },
        },
      ],
    },
    { height: 240 },
  )
}

const stateColours = {
  ESTABLISHED: '#7fb3d8',
  FIN_WAIT1: '#f4a261',
  FIN_WAIT2: '#f6c667',
  CLOSE_WAIT: '#b5d99c',
  LAST_ACK: '#6aa84f',
  CLOSING: '#c39bd3',
  TIME_WAIT: '#d9534f',
  none: '#eeeeee',
}

/** What the watched connections are, in words; the data of one that is not listed goes by its place. */
const wayNames = {
  'S1.X2 serverFirst': 'S1.X2 server first, then linger 0',
  'S1.X2 acknowledged': 'S1.X2 closeWithoutTimeWait',
  'S1.14': 'S1.14 disconnect',
  'S1.13 withoutLinger': 'S1.13 unread data',
  'S1.9': 'S1.9 pause, then linger 0',
  'S1.7': 'S1.7 linger 0',
  'S1.1 clientFirst': 'S1.1 client closes first',
  'S1.1 serverFirst': 'S1.1 server closes first',
  'S1.11': 'S1.11 linger 1 s, acknowledged',
  'S1.12': 'S1.12 linger 1 s, peer deaf',
  'S1.13 linger1AnswerAfterClose': 'S1.13 answer after the close',
  'S1.15': 'S1.15 shutdown, then disconnect',
  'S1.16': 'S1.16 last act a read, linger 0',
  'S1.17': 'S1.17 server first, client linger 0',
  'S1.18': 'S1.18 linger 0 in FIN_WAIT2',
  'S1.X1 afterEnd': 'S1.X1 end seen, then linger 0',
  'S1.X1 beforeEnd': 'S1.X1 no end yet, linger 0',
}

/** The ways to close of which the states were watched. */
function watchedWays(results) {
  const ways = []
  const walk = (id, name, value) => {
    if (value === null || typeof value !== 'object') return
    if (Array.isArray(value.states) && value.states[0]?.client !== undefined) {
      ways.push({ name: wayNames[name] ?? name, states: value.states })
    }
    for (const [key, each] of Object.entries(value)) walk(id, `${id} ${key}`, each)
  }
  for (const { id, data } of results) if (id.startsWith('S1.')) walk(id, id, data)
  return ways
}

const shownMs = 100

/** For each way, two bars: the client's state and the server's, from the close on. */
export function statesOverTime(results) {
  const ways = watchedWays(results)
  const rows = ways.flatMap(({ name }) => [`${name}: server`, `${name}: client`]).reverse()
  const segments = ways.flatMap(({ name, states }) =>
    states.flatMap(({ time, ...sides }, i) => {
      const until = Math.min(states[i + 1]?.time ?? shownMs, shownMs)
      if (time >= shownMs) return []
      return Object.entries(sides).map(([side, state]) => ({
        value: [rows.indexOf(`${name}: ${side}`), time, until, state],
      }))
    }),
  )
  const rowHeight = 18
  return render(
    {
      title: {
        text: 'Connection states after the close began',
        subtext: 'per scenario of docs/behaviours.md, first 100 ms',
      },
      legend: { show: false },
      grid: { left: 220, right: 40, top: 100, bottom: 50 },
      xAxis: axis('milliseconds', { min: 0, max: shownMs }),
      yAxis: { type: 'category', data: rows, axisLabel: { fontSize: 10, interval: 0 } },
      graphic: legendOf(Object.entries(stateColours)),
      series: [
        {
          type: 'custom',
          data: segments,
          renderItem(_parameters, api) {
            const [x, y] = api.coord([api.value(1), api.value(0)])
            const [end] = api.coord([api.value(2), api.value(0)])
            const height = rowHeight * 0.75
            const shape = { x, y: y - height / 2, width: Math.max(end - x, 1), height }
            return { type: 'rect', shape, style: { fill: stateColours[api.value(3)] ?? '#000' } }
          },
          encode: { x: [1, 2], y: 0 },
          dimensions: ['row', 'from', 'until', { name: 'state', type: 'ordinal' }],
        },
      ],
    },
    { height: 150 + rows.length * rowHeight },
  )
}

function legendOf(entries) {
  return entries.flatMap(([state, fill], i) => [
    {
      type: 'rect',
      left: 20 + i * 104,
      top: 62,
      shape: { width: 12, height: 12 },
      style: { fill },
    },
    { type: 'text', left: 36 + i * 104, top: 63, style: { text: state, font: `11px ${font}` } },
  ])
}
