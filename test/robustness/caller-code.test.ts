/** Targets and values that run code of the caller's while a call is under way. */
import { describe, expect, test } from 'vitest'
import { getOption, getOptions, getsockopt, setOption, setOptions } from '../../lib/index.js'
import { errorOf } from '../support/errors.js'
import { probe } from '../support/probe-option.js'
import { descriptorOf } from '../support/python.js'
import { tcpPair } from '../support/sockets.js'
import { isLinux } from '../support/system.js'
import { isRoot } from '../support/untyped.js'

describe('a target whose fd() uses net-sockopt itself', () => {
  test('setOption sets the value that it was given', async () => {
    const { server, client } = await tcpPair()
    const target = {
      fd() {
        setOption(server, probe.second, probe.secondValue)
        return descriptorOf(client)
      },
    }
    setOption(target, probe.name, 77)
    expect(getOption(client, probe.name)).toBe(77)
  })

  test('setOptions sets the values that it was given', async () => {
    const { server, client } = await tcpPair()
    const { thirdValue } = probe
    const target = {
      fd() {
        setOptions(server, { [probe.third]: thirdValue + 1, [probe.second]: probe.secondValue })
        return descriptorOf(client)
      },
    }
    const values = { [probe.name]: 77, [probe.third]: thirdValue }
    setOptions(target, values)
    expect(getOptions(client, [probe.name, probe.third])).toEqual(values)
  })

  test('getOptions reads the options that it was asked for', async () => {
    const { server, client } = await tcpPair()
    const target = {
      fd() {
        setOption(server, 'SO_LINGER', 5)
        return descriptorOf(client)
      },
    }
    expect(getOptions(target, [probe.name])).toEqual({ [probe.name]: probe.initial })
  })

  test('getOption reads the option that it was asked for', async () => {
    const { server, client } = await tcpPair()
    const target = {
      fd() {
        setOption(server, 'SO_LINGER', 5)
        return descriptorOf(client)
      },
    }
    expect(getOption(target, probe.name)).toBe(probe.initial)
  })
})

describe('a value that answers differently each time', () => {
  /** The first answer, then the second. */
  function changing<T>(first: T, second: T): () => T {
    let asked = false
    return () => {
      if (asked) return second
      asked = true
      return first
    }
  }

  test('is the one that was checked, or refused with a documented error', async () => {
    const { client } = await tcpPair()
    const microseconds = changing(0, 1.5)
    const value = {
      seconds: 1,
      get microseconds() {
        return microseconds()
      },
    }
    try {
      setOption(client, 'SO_RCVTIMEO', value)
    } catch (error) {
      expect((error as { code: unknown }).code).toBe('ERR_OUT_OF_RANGE')
    }
    expect(getOption(client, 'SO_RCVTIMEO').microseconds).toBe(0)
  })

  test.runIf(isLinux && isRoot)(
    'a program that grows while it is read has the length that it was read with (needs root where bpf is restricted)',
    async () => {
      const { client } = await tcpPair()
      const pass = { code: 6, jt: 0, jf: 0, k: 0xffffffff }
      const program = [pass]
      let reads = 0
      program[0] = {
        ...pass,
        get k() {
          if (++reads === 2) program.push(...new Array<typeof pass>(4000).fill(pass))
          return pass.k
        },
      }
      setOption(client, 'SO_ATTACH_FILTER', program)
      const SO_GET_FILTER = 26
      expect(getsockopt(client, 1, SO_GET_FILTER, 4096).length).toBe(1)
    },
  )

  test('a getter that throws: its own error comes out, and nothing is set', async () => {
    const { client } = await tcpPair()
    const value = {
      seconds: 1,
      get microseconds(): number {
        throw new Error('from the caller')
      },
    }
    expect(errorOf(() => setOption(client, 'SO_RCVTIMEO', value)).message).toBe('from the caller')
    expect(getOption(client, 'SO_RCVTIMEO')).toEqual({ seconds: 0, microseconds: 0 })
  })
})
