/** Every statement of the document on connected, but not accepted: what this system really does, with its numbers. */
import { describe, expect, test } from 'vitest'
import { scenarios } from '../../dist/lab/not-accepted/index.js'
import { between, type Outcomes, testOnLinux, testOnWindows } from '../support/scenarios.js'

/** The reply of a server to a client that has gone: the first is taken, and answered with RST. */
const twoReplies = ['sent', 'EPIPE']
const leftover = { isLeftover: true, request: 'LOGIN', results: twoReplies }

/** A write to a connection that was reset: whoever asks first gets the reset, the others a broken pipe. */
const toReset = expect.stringMatching(/^(ECONNRESET|EPIPE)$/) as string

const onLinux: Outcomes = {
  'S2.1': { verdict: 'as documented', data: { error: 0, accepted: 0 } },
  'S2.2': {
    verdict: 'as documented',
    data: {
      before: { events: 0, queue: 1, inode: 0 },
      after: { events: 1, queue: 0, owned: true },
    },
  },
  'S2.3': {
    verdict: 'as documented',
    data: { states: { client: 'ESTABLISHED', server: 'ESTABLISHED' }, queue: 1, accepted: 0 },
  },
  'S2.4': {
    verdict: 'as documented',
    data: {
      small: { result: 'sent', waiting: 15, unacknowledged: 0 },
      // By the sizes of the buffers: 128 kB at the server's end, the rest at the client's.
      much: { taken: between(300_000, 8_000_000), atServer: between(60_000, 7_000_000) },
      accepted: 0,
    },
  },
  'S2.5': {
    verdict: 'as documented',
    data: { sent: 4 * 1024 ** 2, received: 4 * 1024 ** 2, intact: true, clientError: null },
  },
  'S2.6': {
    verdict: 'differs here',
    why: /belongs to the connection by which its request came/,
    data: {
      oldReplies: twoReplies,
      received: 'NOON',
      samePortAfterReset: { connect: 'connected', queued: 2, oldReply: toReset, received: 'NOON' },
      samePortAfterEnd: { connect: 'connected', queued: 2, oldReply: toReset, received: 'NOON' },
    },
  },
  'S2.7': {
    verdict: 'as documented',
    data: { result: 'sent', received: '', error: null, accepted: 1 },
  },
  'S2.8': {
    verdict: 'as documented',
    data: { afterEnd: 'CLOSE_WAIT', afterReset: 'gone', queue: 2, accepted: 1, clientError: null },
  },
  'S2.9': {
    verdict: 'differs here',
    why: /only by accept\(\)/,
    data: { before: 12, ended: 6, reset: 6, after: 12 },
  },
  'S2.10': {
    verdict: 'as documented',
    data: {
      ended: leftover,
      reset: { state: 'CLOSE', readable: 5, error: 'ECONNRESET', request: 'LOGIN' },
    },
  },
  'S2.11': {
    verdict: 'differs here',
    why: /belongs to the connection by which its request came/,
    data: { wasOld: true, oldRequest: 'LOGIN', oldReply: 'sent', received: 'NOON' },
  },
  'S2.12': {
    verdict: 'differs here',
    why: /does not know by which interface/,
    needs: ['nft'],
    data: {
      loopback: leftover,
      linkLike: { ...leftover, whileLost: 'FIN_WAIT1 ESTABLISHED' },
    },
  },
  'S2.X1': {
    verdict: 'as documented',
    data: {
      idle: {
        state: 'SYN_RECV',
        // The second SYN-ACK comes after 1 s, and a busy machine looks later.
        queuedAfterMs: between(850, 2500),
        stateLater: 'ESTABLISHED',
        queue: 1,
      },
      reset: { state: 'gone', queue: 0 },
      // At once, and not when the 30 seconds of its listener are over.
      end: { queue: 1, withinMs: between(0, 2500) },
    },
  },
}

/** What the document says; Wine answers as the Linux below it. */
const onWindows: Outcomes = {
  'S2.1': { verdict: 'as documented', data: { error: 0, accepted: 0 } },
  'S2.7': { verdict: 'as documented', data: { result: 'sent', received: '', accepted: 1 } },
  'S2.11': {
    verdict: 'as documented',
    data: { oldRequest: 'LOGIN', received: expect.stringContaining('WELCOME') as string },
  },
}

describe('the list', () => {
  test('has S2.1 to S2.13 and S2.X1, all with a run but the opinion S2.13', () => {
    const ids = Array.from({ length: 13 }, (_, i) => `S2.${i + 1}`)
    expect(scenarios.map(({ id }) => id)).toEqual([...ids, 'S2.X1'])
    expect(scenarios.filter(({ run }) => run === undefined).map(({ id }) => id)).toEqual(['S2.13'])
  })

  test('has an outcome here for each that can be run', () => {
    const runnable = scenarios.filter(({ run }) => run !== undefined).map(({ id }) => id)
    expect(Object.keys(onLinux)).toEqual(runnable)
  })
})

testOnLinux(scenarios, onLinux)

testOnWindows(scenarios, onWindows)
