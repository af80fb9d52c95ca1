/** Every statement of the document on the backlog argument: what this system really does, with its numbers. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { scenarios } from '../../dist/lab/backlog-argument/index.js'
import { between, type Outcomes, testOnLinux, testOnWindows } from '../support/scenarios.js'

function setting(name: string): number {
  const path = `/proc/sys/net/${name}`
  return process.platform === 'linux' ? Number(readFileSync(path, 'utf8')) : NaN
}

const somaxconn = setting('core/somaxconn')
const timestamps = setting('ipv4/tcp_timestamps')
const oldDefault = somaxconn === 128

/** Two left out, with a time limit of 500 ms: the kernel looks at it when its timer of one second fires. */
const timedOut = {
  errors: ['ETIMEDOUT', 'ETIMEDOUT'],
  milliseconds: [between(900, 2900), between(900, 2900)],
}

const onLinux: Outcomes = {
  'S0.1': {
    verdict: 'differs here',
    why: /one connection more than the backlog/,
    data: { connected: 7, firstLeftOut: 8, established: 7, synSent: 2 },
  },
  'S0.2': {
    verdict: 'differs here',
    why: /drops the SYN silently/,
    data: { ordinary: timedOut, aborting: timedOut, dropped: between(4, 24) },
  },
  'S0.3': {
    verdict: 'as documented',
    data: { established: 6, unaccepted: 5, queue: { length: 5, limit: 5 } },
  },
  'S0.4': {
    verdict: 'as documented',
    needs: ['ss'],
    data: {
      before: 3,
      after: 0,
      clients: ['ECONNRESET', 'ECONNRESET', 'ECONNRESET'],
      queue: { length: 3, limit: 2 },
      nextConnect: 'waiting',
      acceptedAfterwards: ['ECONNABORTED', 'ECONNABORTED', 'ECONNABORTED'],
    },
  },
  'S0.5': {
    verdict: 'as documented',
    data: {
      reset: { queued: 3, established: 0, queue: { length: 3, limit: 2 }, nextConnect: 'waiting' },
      ended: { queued: 3, established: 0, queue: { length: 3, limit: 2 }, nextConnect: 'waiting' },
    },
  },
  'S0.6': {
    verdict: 'as documented',
    data: {
      queued: 4,
      accepted: 5,
      fates: {
        // Node 20 ends it, Node 24 reports ECONNRESET.
        'reset with data': {
          data: 'data',
          ends: expect.stringMatching(/^(end|ECONNRESET)$/) as string,
        },
        reset: { data: '', ends: 'ECONNRESET' },
        ended: { data: 'data', ends: 'end' },
        alive: { data: 'data', ends: 'end' },
      },
      outcomeBefore: 'waiting',
      // At its next SYN.
      admittedAfter: between(0, 5000),
    },
  },
  'S0.8': {
    verdict: 'as documented',
    data: {
      value: 5,
      lifetimes: {
        // Before the first look and after the last, so that a busy machine only widens them.
        0: { atLeast: between(0, 1150), atMost: between(850, 10_000) },
        1: { atLeast: between(0, 3450), atMost: between(2550, 12_000) },
      },
    },
  },
  'S0.9': {
    verdict: 'differs here',
    why: /memory of the machine.*tcp_syncookies is 0/,
    data: { value: between(129, 1e6), with8: 7, with32: 25, with8AndCookies: 40 },
  },
  'S0.10': {
    verdict: oldDefault ? 'as documented' : 'differs here',
    ...(!oldDefault && { why: /from 128 to 4096/ }),
    data: { value: somaxconn, asked: somaxconn + 1, limit: somaxconn },
  },
  'S0.11': {
    verdict: 'as documented',
    needs: ['ss'],
    data: { before: 1, withThree: 4, most: 6 },
  },
  'S0.12': {
    verdict: 'as documented',
    data: {
      value: 0,
      off: { ignored: 1, received: 'victim', receivedAfter: between(150, 5000) },
      on: { error: 'ECONNRESET', failedAfter: between(0, 2000) },
    },
  },
  'S0.13': {
    verdict: 'as documented',
    data: {
      quiet: { ListenOverflows: 0, ListenDrops: 0 },
      // 3 if it is read before they send their SYNs again, a second later.
      full: { ListenOverflows: between(3, 9), ListenDrops: between(3, 9), TCPReqQFullDrop: 0 },
      ofListener: between(3, 9),
      halfOpenQueue: { ListenOverflows: 0, ListenDrops: between(14, 42) },
    },
  },
  'S0.14': {
    verdict: 'as documented',
    needs: ['ss'],
    data: { ss: { recvQ: 3, sendQ: 5 }, proc: 3, queue: { length: 3, limit: 5 } },
  },
  'S0.15': {
    verdict: 'as documented',
    data: {
      withCookies: { SyncookiesSent: 14, TCPReqQFullDoCookies: 14, TCPReqQFullDrop: 0 },
      withoutCookies: {
        SyncookiesSent: 0,
        TCPReqQFullDoCookies: 0,
        TCPReqQFullDrop: between(14, 42),
      },
    },
  },
  'S0.16': {
    verdict: 'as documented',
    data: {
      value: 1,
      connected: 20,
      halfOpen: 6,
      unknownToServer: 14,
      cookiesSent: 14,
      cookiesReturned: 1,
      stateAfterSending: 'ESTABLISHED',
    },
  },
  'S0.17': {
    verdict: timestamps === 1 ? 'as documented' : 'differs here',
    data: { value: timestamps, inUse: timestamps !== 0 },
  },
}

/** What the document says; Wine answers as the Linux below it. */
const onWindows: Outcomes = {
  'S0.1': {
    verdict: 'as documented',
    data: { connected: 6, firstLeftOut: 7 },
  },
  'S0.2': {
    verdict: 'as documented',
    data: { errors: ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED'] },
  },
  'S0.3': { verdict: 'as documented', data: { established: 6 } },
  'S0.5': {
    verdict: 'as documented',
    data: {
      reset: { established: 0, nextConnect: 'ECONNREFUSED' },
      ended: { established: 0, nextConnect: 'ECONNREFUSED' },
    },
  },
}

describe('the list', () => {
  test('has S0.1 to S0.17, all with a run but the opinion S0.7', () => {
    const ids = Array.from({ length: 17 }, (_, i) => `S0.${i + 1}`)
    expect(scenarios.map(({ id }) => id)).toEqual(ids)
    expect(scenarios.filter(({ run }) => run === undefined).map(({ id }) => id)).toEqual(['S0.7'])
  })

  test('has an outcome here for each that can be run', () => {
    const runnable = scenarios.filter(({ run }) => run !== undefined).map(({ id }) => id)
    expect(Object.keys(onLinux)).toEqual(runnable)
  })
})

testOnLinux(scenarios, onLinux)

testOnWindows(scenarios, onWindows)
