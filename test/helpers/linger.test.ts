import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { getLinger, getOption, setLinger, setOption } from '../../lib/index.js'
import { errorOf } from '../support/errors.js'
import { connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { isLinux, isWindows, isWine } from '../support/system.js'
import { once } from 'node:events'
import { stateOfConnection } from '../observers/proc-net-tcp.js'
import { until } from '../support/until.js'

describe('setLinger', () => {
  test.for([0, 1000, 5000, 60_000, null])('%s is kept', async (ms) => {
    const { client } = await tcpPair()
    setLinger(client, 2000)
    setLinger(client, ms)
    expect(getLinger(client)).toBe(ms)
  })

  // u_short (winsock2.h).
  test.runIf(isWindows)('65535 seconds at most', async () => {
    const { client } = await tcpPair()
    setLinger(client, 65_535_000)
    expect(getLinger(client)).toBe(65_535_000)
    expect(errorOf(() => setLinger(client, 65_536_000)).code).toBe('ERR_OUT_OF_RANGE')
    expect(getLinger(client)).toBe(65_535_000)
  })

  test('off: Linux goes on returning the old seconds, we do not', async () => {
    const { client } = await tcpPair()
    setLinger(client, 7000)
    setLinger(client, null)
    expect(getOption(client, 'SO_LINGER')).toBe(null)
  })

  test('a listener gives it to what it accepts', async () => {
    const server = await listening(net.createServer())
    setLinger(server, 3000)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    expect(getLinger(accepted)).toBe(3000)
  })

  test.for([
    [5, 'ERR_OUT_OF_RANGE', '5 seconds are 5000'],
    [1500, 'ERR_OUT_OF_RANGE', '1000 or 2000'],
    [-1000, 'ERR_OUT_OF_RANGE', 'ms'],
    [0.5, 'ERR_OUT_OF_RANGE', 'ms'],
    [2 ** 31 * 1000, 'ERR_OUT_OF_RANGE', 'SO_LINGER'],
    ['5000', 'ERR_INVALID_ARG_TYPE', 'ms'],
    [undefined, 'ERR_INVALID_ARG_TYPE', 'ms'],
    [true, 'ERR_INVALID_ARG_TYPE', 'ms'],
  ] as [any, string, string][])('%s is refused and changes nothing', async ([ms, code, words]) => {
    const { client } = await tcpPair()
    setLinger(client, 2000)
    const error = errorOf(() => setLinger(client, ms as number))
    expect(error.code).toBe(code)
    expect(error.message).toContain(words)
    expect(getLinger(client)).toBe(2000)
  })
})

describe('what it does', () => {
  // Wine: who reads only after the RST has come is told of an end.
  test.skipIf(isWine)(
    '0: the peer reads the data, then ECONNRESET, and nothing is left of the connection',
    async () => {
      const { server, client, accepted } = await tcpPair()
      const { localPort = 0 } = client
      accepted.write('last words')
      const [data] = (await once(client, 'data')) as [Buffer]
      expect(data.toString()).toBe('last words')
      setLinger(accepted, 0)
      accepted.destroy()
      const [error] = (await once(client, 'error')) as [Error & { code: string }]
      expect(error.code).toBe('ECONNRESET')
      if (isLinux) await until(() => stateOfConnection(portOf(server), localPort) === undefined)
    },
  )

  test('null: an ordinary end, and TIME_WAIT for who closes first', async () => {
    const { server, client, accepted } = await tcpPair()
    const { localPort = 0 } = client
    setLinger(accepted, 0)
    setLinger(accepted, null)
    client.resume()
    accepted.destroy()
    const ended = once(client, 'end')
    const [hadError] = (await once(client, 'close')) as [boolean]
    expect(hadError).toBe(false)
    await ended
    if (isLinux) await until(() => stateOfConnection(portOf(server), localPort) === 'TIME_WAIT')
  })

  test.runIf(isLinux)(
    'above 0 with unread data: destroy() blocks the event loop for that long',
    async () => {
      const { client, accepted } = await tcpPair()
      // The peer never reads, so this stays in our send buffer.
      client.pause()
      accepted.write(Buffer.alloc(8 * 1024 * 1024))
      await until(() => getOption(accepted, 'SO_MEMINFO').wmem_queued > 1_000_000)
      setOption(accepted, 'SO_LINGER', 1)
      const began = performance.now()
      accepted.destroy()
      const blocked = performance.now() - began
      // The time is the kernel's: l_linger seconds, or none at all.
      expect(blocked).toBeGreaterThan(900)
    },
  )
})
