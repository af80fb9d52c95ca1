/** The ways to close a connection, and who sees what: the README's table, and what the tests hold against it. */
import type net from 'node:net'
import {
  closeLingering,
  closeWithoutTimeWait,
  disconnect,
  resetConnection,
  setLinger,
} from '../../lib/index.js'

/** What can be seen of each, in the words of the README. */
export const words = {
  /** When our socket emits 'close'. */
  ours: {
    atOnce: "`'close'` at once",
    acknowledged: "`'close'` when the peer has acknowledged all, or the time is over",
    peerEnds: "`'close'` when the peer ends too",
  },
  /** What the peer reads, and what comes after it. */
  peer: {
    end: 'its data, then an end',
    reset: 'its data, then `ECONNRESET`',
  },
  timeWait: {
    ours: 'ours',
    nobody: 'nobody’s',
  },
  /** What arrives of what was written before. */
  data: {
    all: 'all of it',
    kernel: 'what Node had handed to our kernel',
    arrived: 'what the peer’s kernel had room for',
  },
} as const

export type Column = keyof typeof words

export type Cells = { readonly [C in Column]: keyof (typeof words)[C] }

export interface Row {
  readonly verb: string
  readonly close: (socket: net.Socket) => unknown
  readonly sees: Cells
}

const timeout = 15_000

export const rows: readonly Row[] = [
  {
    verb: '`socket.end()`',
    close: (socket) => socket.end(),
    sees: { ours: 'peerEnds', peer: 'end', timeWait: 'ours', data: 'all' },
  },
  {
    verb: '`socket.destroy()`',
    close: (socket) => socket.destroy(),
    sees: { ours: 'atOnce', peer: 'end', timeWait: 'ours', data: 'kernel' },
  },
  {
    verb: '`setLinger(socket, 0)`, then `destroy()`',
    close(socket) {
      setLinger(socket, 0)
      socket.destroy()
    },
    sees: { ours: 'atOnce', peer: 'reset', timeWait: 'nobody', data: 'arrived' },
  },
  {
    verb: '`resetConnection(socket)`',
    close: resetConnection,
    sees: { ours: 'atOnce', peer: 'reset', timeWait: 'nobody', data: 'arrived' },
  },
  {
    verb: '`disconnect(socket)`',
    close: disconnect,
    sees: { ours: 'atOnce', peer: 'reset', timeWait: 'nobody', data: 'arrived' },
  },
  {
    verb: '`closeWithoutTimeWait(socket)`',
    close: (socket) => closeWithoutTimeWait(socket, { timeout }),
    sees: { ours: 'acknowledged', peer: 'reset', timeWait: 'nobody', data: 'all' },
  },
  {
    verb: '`closeLingering(socket, ms)`',
    close: (socket) => closeLingering(socket, timeout),
    sees: { ours: 'acknowledged', peer: 'end', timeWait: 'ours', data: 'all' },
  },
]

const titles: Record<Column, string> = {
  ours: 'our side',
  peer: 'the peer',
  timeWait: 'TIME_WAIT',
  data: 'data written before',
}

const columns = Object.keys(titles) as Column[]

/** The table's lines, each as its cells. */
export const table: readonly (readonly string[])[] = [
  ['', ...columns.map((column) => titles[column])],
  ...rows.map(({ verb, sees }) => [verb, ...columns.map((column) => wordFor(column, sees))]),
]

function wordFor(column: Column, sees: Cells): string {
  const choices: Record<string, string> = words[column]
  return choices[sees[column]] ?? ''
}

export const markers = {
  begin: '<!-- who-sees-what:begin -->',
  end: '<!-- who-sees-what:end -->',
} as const

export function toMarkdown(): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const [head = [], ...body] = table
  return [line(head), line(head.map(() => '---')), ...body.map(line)].join('\n')
}
