import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { getOptions, ioctl, type OptionName, options, setOptions } from '../../lib/index.js'
import { errnoOf } from '../../lib/errors.js'
import { openSockets } from '../support/descriptors.js'
import { errorOf } from '../support/errors.js'
import { socketOfKind } from '../support/kinds.js'
import { probe } from '../support/probe-option.js'
import { tcpPair } from '../support/sockets.js'
import { isLinux, isWine } from '../support/system.js'
import { getOption, isSupported, optionsHere, setOption } from '../support/untyped.js'
import { wineRefusal } from '../support/wine-refusals.js'

const absent = Object.values(options).filter(({ number }) => number === undefined)

describe.each(absent)('$name, which this system lacks', ({ name, access }) => {
  test('is not supported', () => {
    expect(isSupported(name)).toBe(false)
  })

  test('is ENOPROTOOPT to read and to set, alone and among others', async () => {
    const { client } = await tcpPair()
    const refusal = { code: 'ENOPROTOOPT', errno: errnoOf('ENOPROTOOPT'), option: name }
    const set = errorOf(() => setOption(client, name, 1))
    expect(set).toMatchObject({ ...refusal, syscall: 'setsockopt' })
    expect(set.errno).toBeLessThan(0)
    expect(set.message).toMatch(new RegExp(`^setsockopt ENOPROTOOPT ${name}: .* only\\)$`))
    const read = errorOf(() => getOption(client, name))
    expect(read).toMatchObject({ ...refusal, syscall: 'getsockopt' })
    const values = { [probe.name]: 77, [name]: 1 }
    expect(errorOf(() => setOptions(client, values))).toMatchObject(refusal)
    expect(getOption(client, probe.name), 'the other is not set either').toBe(probe.initial)
    const names = [probe.name, name] as (typeof probe.name)[]
    expect(errorOf(() => getOptions(client, names))).toMatchObject(refusal)
  })

  test('is described without a number', () => {
    const info = options[name as OptionName]
    expect(info.platforms).not.toContain(process.platform)
    expect(info.access).toBe(access)
  })
})

describe('a name that nobody knows', () => {
  const strings = [
    'TCP_KEEPIDEL',
    'tcp_keepidle',
    ' TCP_KEEPIDLE',
    '',
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
  ]

  test.for(strings)('"%s" is ERR_INVALID_ARG_VALUE', async (name) => {
    const { client } = await tcpPair()
    for (const call of [
      () => setOption(client, name, 1),
      () => getOption(client, name),
      () => isSupported(name),
      () => getOptions(client, [name] as never),
      () => setOptions(client, Object.fromEntries([[name, 1]])),
    ]) {
      const error = errorOf(call)
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_VALUE')
      expect(error.message).toContain(`'${name}'`)
    }
    expect(errorOf(() => ioctl(client, name as 'FIONREAD')).code).toBe('ERR_INVALID_ARG_VALUE')
  })

  test.for([
    ['a symbol', Symbol('TCP_KEEPIDLE')],
    ['a number', 4],
    ['undefined', undefined],
    ['null', null],
    ['an array', ['TCP_KEEPIDLE']],
    ['an object that reads as a name', { toString: () => 'TCP_KEEPIDLE' }],
    ['a String object', Object('TCP_KEEPIDLE') as unknown],
    ['a function', () => 'TCP_KEEPIDLE'],
  ] as const)('%s is ERR_INVALID_ARG_TYPE', async ([, name]) => {
    const { client } = await tcpPair()
    for (const call of [
      () => setOption(client, name as string, 1),
      () => getOption(client, name as string),
      () => isSupported(name as string),
      () => getOptions(client, [name] as never),
    ]) {
      const error = errorOf(call)
      expect(error).toBeInstanceOf(TypeError)
      expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
      expect(error.message).toContain('"name"')
    }
  })
})

describe('isSupported', () => {
  test.for(['SO_KEEPALIVE', 'SO_LINGER', 'SO_RCVBUF', 'TCP_NODELAY', 'TCP_KEEPIDLE', 'IP_TTL'])(
    '%s: true',
    (name) => {
      expect(isSupported(name)).toBe(wineRefusal(name, 'get') === undefined)
    },
  )

  test('agrees with the kernel: what it affirms is never ENOPROTOOPT, what it denies always', async () => {
    const tcp = await socketOfKind('tcp')
    const tcpOptions = optionsHere.filter(
      ({ level, access }) => level === 'IPPROTO_TCP' && access !== 'set',
    )
    expect(tcpOptions.length).toBeGreaterThan(5)
    for (const { name } of tcpOptions) {
      let code: unknown
      try {
        getOption(tcp, name)
      } catch (error) {
        code = (error as { code: string }).code
      }
      expect([name, code === 'ENOPROTOOPT']).toEqual([name, !isSupported(name)])
    }
  })

  test.runIf(isWine)('denies what Wine lacks, and nothing else', () => {
    const lacking = optionsHere.filter(({ name, access }) => {
      const ways = access === 'both' ? (['get', 'set'] as const) : [access]
      return ways.every((way) => wineRefusal(name, way) === 'ENOPROTOOPT')
    })
    const denied = optionsHere.filter(({ name }) => !isSupported(name))
    expect(denied.map(({ name }) => name)).toEqual(lacking.map(({ name }) => name))
  })

  test('asks each time the same', () => {
    const first = Object.keys(options).map(isSupported)
    expect(Object.keys(options).map(isSupported)).toEqual(first)
  })

  test.runIf(isLinux)('leaves no descriptor behind (by /proc)', () => {
    const before = openSockets()
    Object.keys(options).forEach(isSupported)
    expect(openSockets()).toEqual(before)
    Object.keys(options).forEach(isSupported)
    expect(openSockets()).toEqual(before)
  })

  test.runIf(isLinux)('does not keep what it could not ask: no descriptor was free', () => {
    const program = `
        import { closeSync, openSync } from 'node:fs'
        import { isSupported } from '${new URL('../../dist/index.js', import.meta.url).href}'
        const taken = []
        try { for (;;) taken.push(openSync('/dev/null')) } catch {}
        try { isSupported('TCP_KEEPIDLE') } catch {}
        taken.forEach((fd) => closeSync(fd))
        console.log(isSupported('TCP_KEEPIDLE'))
      `
    const limited = 'ulimit -n 64 && exec "$0" --input-type=module --eval "$1"'
    const output = execFileSync('sh', ['-c', limited, process.execPath, program], {
      encoding: 'utf8',
    })
    expect(output.trim()).toBe('true')
  })
})
