import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  getOption,
  getUserTimeout,
  isSupported,
  setOption,
  setUserTimeout,
} from '../../lib/index.js'
import { errorOf } from '../support/errors.js'
import { connected, listening, portOf, tcpPair } from '../support/sockets.js'
import { isLinux } from '../support/system.js'

const isThere =
  isSupported('TCP_USER_TIMEOUT') || isSupported('TCP_MAXRT') || isSupported('TCP_MAXRTMS')
// Windows may have it in seconds only.
const kept = isLinux ? [1, 1500, 30_000, 2 ** 31 - 1, 0] : [2000, 30_000]
const initial = isLinux ? 77 : 77_000

test.skipIf(isThere)(
  'where the system lacks it, it is ENOPROTOOPT, which names the option',
  async () => {
    const { client } = await tcpPair()
    const calls = {
      setsockopt: () => setUserTimeout(client, 5000),
      getsockopt: () => getUserTimeout(client),
    }
    for (const [syscall, call] of Object.entries(calls)) {
      const error = errorOf(call)
      expect(error).toMatchObject({ code: 'ENOPROTOOPT', syscall })
      expect(error.option).toMatch(/^TCP_/)
    }
  },
)

describe.runIf(isThere)('setUserTimeout', () => {
  test.for(kept)('%s milliseconds are kept', async (ms) => {
    const { client } = await tcpPair()
    setUserTimeout(client, initial)
    setUserTimeout(client, ms)
    expect(getUserTimeout(client)).toBe(ms)
    if (isLinux) expect(getOption(client, 'TCP_USER_TIMEOUT')).toBe(ms)
  })

  test('a listener gives it to what it accepts', async () => {
    const server = await listening(net.createServer())
    setUserTimeout(server, 20_000)
    expect(getUserTimeout(server)).toBe(20_000)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    expect(getUserTimeout(accepted)).toBe(20_000)
  })

  test.for([
    [-1, 'ERR_OUT_OF_RANGE'],
    [0.5, 'ERR_OUT_OF_RANGE'],
    [2 ** 32, 'ERR_OUT_OF_RANGE'],
    ['5', 'ERR_INVALID_ARG_TYPE'],
    [null, 'ERR_INVALID_ARG_TYPE'],
  ] as [any, string][])('%s is refused and changes nothing', async ([ms, code]) => {
    const { client } = await tcpPair()
    setUserTimeout(client, initial)
    const error = errorOf(() => setUserTimeout(client, ms as number))
    expect(error.code).toBe(code)
    expect(error.message).toContain('ms')
    expect(getUserTimeout(client)).toBe(initial)
  })
})

test.runIf(isLinux)(
  'data that a deaf peer does not acknowledge ends the connection with ETIMEDOUT',
  async () => {
    const { client, accepted } = await tcpPair()
    setUserTimeout(accepted, 1000)
    setOption(client, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
    accepted.resume()
    accepted.write('is anybody there?')
    const [error] = (await once(accepted, 'error')) as [Error & Record<string, unknown>]
    expect(error.code).toBe('ETIMEDOUT')
  },
)

test.runIf(isLinux)(
  'a server that does not answer a SYN: connecting ends with ETIMEDOUT',
  async () => {
    const server = await listening(net.createServer())
    setOption(server, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
    const client = net.connect(portOf(server), '127.0.0.1')
    setUserTimeout(client, 500)
    const [error] = (await once(client, 'error')) as [Error & Record<string, unknown>]
    expect(error).toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
  },
)
