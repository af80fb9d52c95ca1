/** Closing with SO_LINGER and some seconds: how long close() blocks, and what is sent. */
import { once } from 'node:events'
import type net from 'node:net'
import { ioctl, isSupported, setLinger, setOption } from '../../index.js'
import { compare } from '../linux-backlog/compare.js'
import { until } from '../observers/until.js'
import type { Observation, Scenario } from '../scenario.js'
import {
  close,
  connected,
  type Ends,
  listener,
  pair,
  privately,
  receive,
  watch,
  write,
} from './closing.js'

/** BPF_RET | BPF_K with 0: nothing of any packet is let through, so the socket hears nothing. */
const nothing = [{ code: 0x06, jt: 0, jf: 0, k: 0 }]

export function deafen(socket: net.Socket): void {
  setOption(socket, 'SO_ATTACH_FILTER', nothing)
}

export function heal(socket: net.Socket): void {
  setOption(socket, 'SO_DETACH_FILTER', 0)
}

interface Blocking {
  linger: number | null
  data?: boolean
  deaf?: boolean
}

/** Milliseconds that close() takes. */
async function blocked({ linger, data = false, deaf = false }: Blocking): Promise<number> {
  const server = await listener()
  const ends = await pair(server)
  ends.server.resume()
  setLinger(ends.client, linger)
  if (deaf) deafen(ends.server)
  if (data) ends.client.write('test')
  const took = close(ends.client)
  await server.close()
  return took
}

async function closeBlocks(): Promise<Observation> {
  const ms = {
    withoutLinger: await blocked({ linger: null, data: true }),
    answeredNothingSent: await blocked({ linger: 1000 }),
    answered: await blocked({ linger: 1000, data: true }),
    answeredOf5s: await blocked({ linger: 5000, data: true }),
    unanswered: await blocked({ linger: 1000, data: true, deaf: true }),
  }
  const isUntilAck = [ms.withoutLinger, ms.answered, ms.answeredOf5s].every((each) => each < 900)
  return compare({
    asDocumented: isUntilAck && ms.unanswered >= 900,
    seen:
      `close() took ${ms.withoutLinger} ms without linger, ${ms.answered} ms with 1 s and a peer that answers, ` +
      `${ms.unanswered} ms with 1 s and a peer that does not`,
    data: { ms },
  })
}

async function answered(): Promise<Observation> {
  const closing = await watch(async ({ client, server }) => {
    server.resume()
    setLinger(client, 1000)
    client.write('test')
    await once(server, 'data')
    return { closeMs: close(client) }
  })
  const { left, result, ladder = '(not captured)' } = closing
  return compare({
    asDocumented: left.client === 'TIME_WAIT' && result.closeMs < 900 && !ladder.includes('R'),
    seen: `close() took ${result.closeMs} ms; client ${left.client}; on the wire ${ladder}`,
    data: { ...result, ...closing },
  })
}

/** A peer that acknowledges nothing until close() has returned. */
async function closeToDeaf({ client, server }: Ends) {
  setLinger(client, 1000)
  deafen(server)
  client.write(Buffer.alloc(1000))
  const reading = receive(server)
  const closeMs = close(client)
  heal(server)
  const healed = performance.now()
  const received = await reading
  return { closeMs, ...received, arrivedMs: Math.round(performance.now() - healed) }
}

const mebibyte = 2 ** 20

/** A peer that has room for a part of the data only until close() has returned: so the FIN has to wait. */
async function closeToFull() {
  const server = await listener()
  const client = await connected(server)
  setLinger(client, 1000)
  await write(client, Buffer.alloc(mebibyte))
  const closeMs = close(client)
  const received = await receive(await server.accept())
  await server.close()
  return { closeMs, ...received }
}

async function unanswered(): Promise<Observation> {
  const full = await closeToFull()
  // Other systems have no filter that makes a socket deaf.
  const deaf = isSupported('SO_ATTACH_FILTER') ? await watch(closeToDeaf) : undefined
  const results = deaf === undefined ? [full] : [full, deaf.result]
  const waited = results.every(({ closeMs }) => closeMs >= 900)
  const isDropped = full.end === 'ECONNRESET' && full.bytes < mebibyte
  const resets = deaf?.packets?.filter(({ flags }) => flags.includes('R')).length
  return compare({
    asDocumented: waited && isDropped,
    seen:
      `peer without room: close() gave up after ${full.closeMs} ms, ${full.bytes} of ${mebibyte} bytes arrived, then ${full.end}` +
      (deaf === undefined ? '' : `; peer that hears nothing: ${describe(deaf.result, resets)}`),
    why:
      waited && results.every(({ end }) => end === 'EOF')
        ? 'on Linux close() only stops waiting: no RST, nothing is dropped, the kernel goes on sending data and FIN in the background'
        : undefined,
    data: { full, ...(deaf && { deaf: deaf.result, resets, ...deaf }) },
  })
}

function describe(
  deaf: Awaited<ReturnType<typeof closeToDeaf>>,
  resets: number | undefined,
): string {
  const wire = resets === undefined ? 'packets not captured' : `${resets} RST`
  return (
    `${deaf.closeMs} ms, ${wire}, and when it hears again ${deaf.bytes} of 1000 bytes and ${deaf.end}, ` +
    `${deaf.arrivedMs} ms later`
  )
}

/** The client closes with one byte unread in its kernel. */
async function closeUnread({ client, server }: Ends, linger: number | null): Promise<number> {
  setLinger(client, linger)
  server.write('1')
  // Node reads nothing of it: the client is paused.
  await until(() => ioctl(client, 'FIONREAD') === 1)
  return close(client)
}

/** As in the document's program: the server answers with one byte and closes, the client has closed already. */
async function closeBeforeAnswer({ client, server }: Ends, linger: number): Promise<number> {
  setLinger(client, linger)
  server.once('data', () => void write(server, '1').then(() => server.destroy()))
  client.write('test')
  const took = close(client)
  await once(server, 'close')
  return took
}

async function unreadData(): Promise<Observation> {
  const options = { clientReads: false }
  const runs = {
    linger1: await watch((ends) => closeUnread(ends, 1000), options),
    withoutLinger: await watch((ends) => closeUnread(ends, null), options),
    linger1AnswerAfterClose: await watch((ends) => closeBeforeAnswer(ends, 1000), options),
  }
  const isReset = Object.values(runs).every(
    ({ left, ladder = '>R' }) =>
      left.client === 'none' && left.server === 'none' && />RA?( |$)/.test(ladder),
  )
  const { linger1, withoutLinger } = runs
  return compare({
    asDocumented: isReset,
    seen:
      `linger 1 s: client ${linger1.left.client}, on the wire ${linger1.ladder ?? '(not captured)'}, close() took ` +
      `${linger1.result} ms; without linger just so: client ${withoutLinger.left.client}, ` +
      (withoutLinger.ladder ?? '(not captured)'),
    data: runs,
  })
}

export const scenarios: readonly Scenario[] = [
  {
    id: 'S1.10',
    claim:
      'With SO_LINGER on and 1 second, close() blocks until the peer has acknowledged the FIN.',
    of: 'Windows',
    documented: 'close blocks until the ACK',
    platforms: ['linux'],
    namespace: {},
    run: closeBlocks,
  },
  {
    id: 'S1.11',
    claim: 'If that acknowledgement comes in time, it is an ordinary close, with TIME_WAIT.',
    of: 'Windows',
    documented: 'graceful close, TIME_WAIT remains',
    ...privately,
    run: answered,
  },
  {
    id: 'S1.12',
    claim:
      'If it does not come within the second, RST is sent and everything that is still in the buffers is dropped.',
    of: 'Windows',
    documented: 'RST after 1 s, data discarded',
    ...privately,
    run: unanswered,
  },
  {
    id: 'S1.13',
    claim:
      'With SO_LINGER on and 1 second, closing while received data is unread sends RST, and leaves no TIME_WAIT.',
    of: 'Windows',
    documented: 'RST because of the receive buffer, no TIME_WAIT; on Linux with any linger setting',
    ...privately,
    run: unreadData,
  },
]
