import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { getKeepAlive, getOption, isSupported, setKeepAlive, setOption } from '../../lib/index.js'
import { lacksTimes } from '../../lib/keep-alive-values.js'
import { errorOf } from '../support/errors.js'
import { connected, destroyAtEnd, listening, portOf, tcpPair } from '../support/sockets.js'

const setting = { idle: 30_000, interval: 10_000, count: 3 }

// keep-alive-values.test.ts has those that a Windows without these options runs instead.
describe.skipIf(lacksTimes())('setKeepAlive, with TCP_KEEPIDLE and its kin', () => {
  test('all three, and off', async () => {
    const { client } = await tcpPair()
    expect(getKeepAlive(client)).toBe(false)
    setKeepAlive(client, setting)
    expect(getKeepAlive(client)).toEqual(setting)
    setKeepAlive(client, false)
    expect(getKeepAlive(client)).toBe(false)
    expect(getOption(client, 'TCP_KEEPIDLE')).toBe(30)
  })

  test('what is left out keeps its value', async () => {
    const { client } = await tcpPair()
    setKeepAlive(client, setting)
    setKeepAlive(client, { idle: 60_000 })
    expect(getKeepAlive(client)).toEqual({ ...setting, idle: 60_000 })
    setKeepAlive(client, {})
    expect(getKeepAlive(client)).toEqual({ ...setting, idle: 60_000 })
  })

  test('a listener gives it to what it accepts, and each may override it', async () => {
    const server = await listening(net.createServer())
    setKeepAlive(server, setting)
    expect(getKeepAlive(server)).toEqual(setting)
    const accepting = once(server, 'connection') as Promise<[net.Socket]>
    await connected({ port: portOf(server), host: '127.0.0.1' })
    const [accepted] = await accepting
    expect(getKeepAlive(accepted)).toEqual(setting)
    setKeepAlive(accepted, { count: 5 })
    expect(getKeepAlive(accepted)).toEqual({ ...setting, count: 5 })
    expect(getKeepAlive(server)).toEqual(setting)
  })

  test('a socket that still connects', async () => {
    const server = await listening(net.createServer())
    const client = net.connect(portOf(server), '127.0.0.1')
    destroyAtEnd(client)
    setKeepAlive(client, setting)
    await once(client, 'connect')
    expect(getKeepAlive(client)).toEqual(setting)
  })

  test('Node’s own setKeepAlive overwrites interval and count with 1 and 10', async () => {
    const { client } = await tcpPair()
    setKeepAlive(client, setting)
    client.setKeepAlive(true, 5000)
    expect(getKeepAlive(client)).toEqual({ idle: 5000, interval: 1000, count: 10 })
    setKeepAlive(client, setting)
    expect(getKeepAlive(client)).toEqual(setting)
  })

  test.for([
    [{ idle: 1500 }, 'ERR_OUT_OF_RANGE', 'idle'],
    [{ idle: 30 }, 'ERR_OUT_OF_RANGE', '30 seconds are 30000'],
    [{ interval: '5' }, 'ERR_INVALID_ARG_TYPE', 'interval'],
    [{ count: 2.5 }, 'ERR_OUT_OF_RANGE', 'count'],
    [{ idle: 30_000, probes: 3 }, 'ERR_INVALID_ARG_VALUE', 'keepAlive.probes'],
    [true, 'ERR_INVALID_ARG_TYPE', 'keepAlive'],
    [null, 'ERR_INVALID_ARG_TYPE', 'keepAlive'],
  ] as [any, string, string][])(
    '%j is refused and changes nothing',
    async ([value, code, name]) => {
      const { client } = await tcpPair()
      setKeepAlive(client, setting)
      const error = errorOf(() => setKeepAlive(client, value as false))
      expect(error.code).toBe(code)
      expect(error.message).toContain(name)
      expect(getKeepAlive(client)).toEqual(setting)
    },
  )

  test('a limit of the kernel is EINVAL, with what had been set before', async () => {
    const { client } = await tcpPair()
    const error = errorOf(() => setKeepAlive(client, { idle: 30_000, count: 128 }))
    expect(error).toMatchObject({
      code: 'EINVAL',
      syscall: 'setsockopt',
      option: 'TCP_KEEPCNT',
      applied: ['TCP_KEEPIDLE'],
    })
    // The switch comes last, so probes have not been turned on with half of the setting.
    expect(getKeepAlive(client)).toBe(false)
  })
})

test.runIf(isSupported('SO_ATTACH_FILTER'))(
  'an idle connection whose peer has gone deaf ends with ETIMEDOUT after idle + interval * count',
  async () => {
    const { client, accepted } = await tcpPair()
    setKeepAlive(accepted, { idle: 1000, interval: 1000, count: 1 })
    accepted.resume()
    // A filter that lets nothing through: from here on the client's kernel hears no probe (R1: 2.04 s).
    setOption(client, 'SO_ATTACH_FILTER', [{ code: 6, jt: 0, jf: 0, k: 0 }])
    const [error] = (await once(accepted, 'error')) as [Error & Record<string, unknown>]
    expect(error.code).toBe('ETIMEDOUT')
  },
)
