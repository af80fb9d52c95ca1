/** Every statement of the TCP backlog example: what this system really does, with its numbers. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { scenarios } from '../../dist/lab/linux-backlog/index.js'
import { between, type Outcomes, testOnLinux } from '../support/scenarios.js'

/** A time that tcpdump took, in milliseconds. */
function about(milliseconds: number) {
  return between(0.85 * milliseconds, 1.15 * milliseconds)
}

/** Before Linux 6.5 there was no such setting, and the waits doubled from the beginning. */
const linearPath = '/proc/sys/net/ipv4/tcp_syn_linear_timeouts'
const linear = existsSync(linearPath) ? Number(readFileSync(linearPath, 'utf8')) : 0
const isLinear = linear > 1

/** Those that we took ourselves: sharp below, but a busy machine lets us see them late. */
const giveUp = { oneRetry: between(2550, 6000), userTimeout: between(850, 2900) }

const firstSyns = {
  doubling: [about(0), about(1000), about(3000)],
  linear: [about(0), about(1000), about(2000)],
}

const onLinux: Outcomes = {
  'S3.1': {
    verdict: 'as documented',
    data: {
      connect: 'connected',
      accepted: 0,
      state: 'ESTABLISHED',
      hasOwner: false,
      receiveQueue: 4,
    },
  },
  'S3.2': {
    verdict: 'as documented',
    data: { established: { 0: 1, 1: 2, 2: 3, 5: 6, 10: 11 } },
  },
  'S3.3': {
    verdict: 'as documented',
    data: {
      listenReceiveQueue: 6,
      queuedReceiveQueues: [90, 90, 90, 90, 90, 90],
      queuedWithOwner: 0,
      synSentSendQueues: [1],
    },
  },
  'S3.4': {
    verdict: 'as documented',
    needs: ['tcpdump'],
    data: {
      ladder: expect.stringMatching(/^>S( >S)+$/) as string,
      answers: 0,
      outcome: 'waiting',
    },
  },
  'S3.5': {
    needs: ['tcpdump'],
    verdict: isLinear ? 'differs here' : 'as documented',
    ...(isLinear && { why: new RegExp(`tcp_syn_linear_timeouts \\(here ${linear}\\)`) }),
    data: {
      linear,
      documented: [0, 1000, 3000],
      here: isLinear ? firstSyns.linear : firstSyns.doubling,
      doubling: firstSyns.doubling,
      doublingAsDocumented: true,
    },
  },
  'S3.6': {
    needs: ['tcpdump'],
    verdict: isLinear ? 'differs here' : 'as documented',
    ...(isLinear && { why: new RegExp(`tcp_syn_linear_timeouts \\(here ${linear}\\)`) }),
    data: {
      // With TCP_SYNCNT 1. The whole 127 seconds are for `--slow`.
      documented: { milliseconds: 3000, syns: 2 },
      here: {
        synTimes: isLinear ? firstSyns.linear : firstSyns.doubling.slice(0, 2),
        outcome: 'ETIMEDOUT',
        milliseconds: giveUp.oneRetry,
      },
      doubling: {
        synTimes: firstSyns.doubling.slice(0, 2),
        outcome: 'ETIMEDOUT',
        milliseconds: giveUp.oneRetry,
      },
      userTimeout500: { outcome: 'ETIMEDOUT', milliseconds: giveUp.userTimeout },
    },
  },
  'S3.7': {
    verdict: 'as documented',
    needs: ['tcpdump'],
    data: {
      ladder: '>S >S >S',
      times: isLinear ? firstSyns.linear : firstSyns.doubling,
      retransmitted: 2,
    },
  },
  'S3.8': {
    verdict: 'as documented',
    data: {
      limits: { 127: 127, 128: 128, 129: 128, 100000: 128, 2147483647: 128, '-1': 128 },
      with0: 0,
    },
  },
  'S3.9': {
    verdict: 'as documented',
    data: { before: 128, after: 256, limitBefore: 128, limitAfter: 256, negative: 'EINVAL' },
  },
  'S3.10': {
    verdict: 'as documented',
    data: { before: 128, after: 128, later: 256 },
  },
  'S3.11': {
    verdict: 'differs here',
    why: /changes its backlog at once/,
    data: {
      connectedBefore: 4,
      limit: 128,
      connectedAfter: 6,
      // At their next SYN, a second after the first, which was a little before.
      admittedAfter: between(0, 5000),
      queued: 6,
      shrunk: { length: 6, limit: 1 },
      nextConnect: 'waiting',
    },
  },
  'S3.12': {
    verdict: 'as documented',
    needs: ['setpriv'],
    data: {
      established: 6,
      synSent: 2,
      acceptedWhileStopped: 0,
      timedOut: 'ETIMEDOUT',
      timedOutAfter: giveUp.userTimeout,
      accepted: 8,
      connected: 8,
    },
  },
}

test('S3.1 to S3.12 are all there, and have an outcome here', () => {
  const ids = Array.from({ length: 12 }, (_, i) => `S3.${i + 1}`)
  expect(scenarios.map(({ id }) => id)).toEqual(ids)
  expect(scenarios.every(({ run }) => run !== undefined)).toBe(true)
  expect(Object.keys(onLinux)).toEqual(ids)
})

testOnLinux(scenarios, onLinux)
