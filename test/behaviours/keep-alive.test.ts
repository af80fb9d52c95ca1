/** Every statement of the document on keep-alive at the server: what this system really does, with its numbers. */
import { describe, expect, test } from 'vitest'
import { scenarios } from '../../dist/lab/keep-alive/index.js'
import { observe } from '../../dist/lab/observe.js'
import {
  obstacle,
  type Outcomes,
  scenarioOf,
  testOnLinux,
  testOnWindows,
} from '../support/scenarios.js'
import { commandExists } from '../support/commands.js'
import { isRoot } from '../support/untyped.js'

/** The kernel's timers are late by up to 5 %, a busy machine by more. */
function about(milliseconds: number) {
  return {
    asymmetricMatch: (value: unknown) =>
      typeof value === 'number' && Math.abs(value - milliseconds) <= 0.15 * milliseconds,
    toString: () => `about ${milliseconds}`,
  }
}

function deathAfter(milliseconds: number) {
  return { error: 'ETIMEDOUT', syscall: 'read', afterMs: about(milliseconds) }
}

const documented = { idle: 1000, interval: 3000, count: 10 }

/** What MSG_PEEK gives, twice, and what else can be asked. */
function look(first: string, second: string, state: string, rdhup: boolean, error = '') {
  return { first, second, state, rdhup, error }
}

/** In a user namespace tcpdump may refuse. */
const canCapture = isRoot && commandExists('tcpdump')

const onLinux: Outcomes = {
  'S4.1': {
    verdict: 'as documented',
    data: {
      withKeepAlive: deathAfter(2000),
      without: 'ESTABLISHED',
      userTimeoutAlone: 'ESTABLISHED',
    },
  },
  'S4.2': {
    verdict: 'as documented',
    data: {
      changed: ['TCP_MAXSEG'],
      notInherited: ['SO_INCOMING_CPU', 'SO_PRIORITY', 'TCP_DEFER_ACCEPT', 'TCP_FASTOPEN'],
      queuedBefore: false,
      queuedAfter: documented,
    },
  },
  'S4.3': {
    verdict: 'as documented',
    needs: ['ss'],
    data: {
      kept: documented,
      options: { TCP_KEEPIDLE: 1, TCP_KEEPINTVL: 3, TCP_KEEPCNT: 10 },
      timer: expect.stringMatching(/^keepalive,/) as string,
      limits: { TCP_KEEPIDLE: [1, 32767], TCP_KEEPINTVL: [1, 32767], TCP_KEEPCNT: [1, 127] },
    },
  },
  'S4.4': {
    verdict: 'as documented',
    data: {
      ...deathAfter(2000),
      probesSent: 1,
      ...(canCapture && {
        probesAtMs: [about(1000)],
        resetAtMs: about(2000),
        ladder: '>S <SA >A <PA(4) >A <A <RA',
      }),
    },
  },
  'S4.5': {
    verdict: 'as documented',
    data: {
      deaths: [
        { as: '1 s + 1 s * 1', ...deathAfter(2000) },
        { as: '1 s + 1 s * 2', ...deathAfter(3000) },
        { as: '2 s + 1 s * 1', ...deathAfter(3000) },
      ],
    },
  },
  'S4.6': {
    verdict: 'as documented',
    data: {
      settings: {
        changed: { idle: 1000, interval: 1000, count: 1 },
        unchanged: { idle: 1000, interval: 1000, count: 10 },
      },
      changed: deathAfter(2000),
      unchangedThen: 'ESTABLISHED',
    },
  },
  'S4.8': {
    verdict: 'differs here',
    why: /no version need be checked/,
    data: { supported: ['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT'], kept: documented },
  },
  'S4.9': {
    verdict: 'as documented',
    data: {
      reading: deathAfter(2000),
      unread: { state: 'CLOSE', error: 'ETIMEDOUT', events: 0, laterSend: 'EPIPE' },
    },
  },
  'S4.10': {
    verdict: 'as documented',
    data: {
      clientKeepAlive: false,
      server: deathAfter(2000),
      clientState: 'ESTABLISHED',
      clientError: null,
    },
  },
  'S4.11': {
    verdict: 'as documented',
    data: {
      process: 'T',
      sent: 3,
      ms: about(3000),
      unanswered: 0,
      state: 'ESTABLISHED',
      error: null,
    },
  },
  'S4.12': {
    verdict: 'as documented',
    data: {
      echoed: { toServer: 'hello', toClient: 'hello' },
      queuedClients: ['ECONNRESET', 'ECONNRESET'],
      newConnect: 'ECONNREFUSED',
      rebind: { withoutReuseAddr: 'EADDRINUSE', withReuseAddr: 'works' },
    },
  },
  'S4.13': {
    verdict: 'as documented',
    needs: ['python3'],
    data: {
      idle: look('EAGAIN', 'EAGAIN', 'ESTABLISHED', false),
      ended: look('', '', 'CLOSE_WAIT', true),
      // The data hides the end and the reset behind it, and a peek takes the error of a bare reset away.
      endedAfterData: look('data', 'data', 'CLOSE_WAIT', true),
      reset: look('ECONNRESET', '', 'CLOSE', true),
      resetAfterData: look('data', 'data', 'CLOSE', true, 'ECONNRESET'),
    },
  },
}

/** In full: half a minute and more. */
const inFull: Outcomes = {
  'S4.4': {
    verdict: 'as documented',
    data: { ...documented, ...deathAfter(31_000), probesSent: 10 },
  },
  'S4.5': {
    verdict: 'as documented',
    data: { deaths: expect.arrayContaining([expect.objectContaining(deathAfter(11_000))]) as [] },
  },
}

/** What the document says; Wine answers as the Linux below it. */
const onWindows: Outcomes = {
  'S4.2': { verdict: 'as documented', data: { queuedAfter: documented } },
  'S4.3': {
    verdict: 'as documented',
    data: { kept: documented, options: { TCP_KEEPIDLE: 1, TCP_KEEPINTVL: 3, TCP_KEEPCNT: 10 } },
  },
  'S4.8': { verdict: 'as documented', data: {} },
  'S4.12': { verdict: 'as documented', data: { echoed: { toServer: 'hello', toClient: 'hello' } } },
}

/** What accepted sockets have from their listener, if the system has the option and permits it. */
const inheritable = `
  SO_BINDTODEVICE SO_BUF_LOCK SO_BUSY_POLL SO_DONTROUTE SO_KEEPALIVE SO_LINGER SO_MARK SO_MAX_PACING_RATE SO_NO_CHECK
  SO_OOBINLINE SO_PREFER_BUSY_POLL SO_RCVBUF SO_RCVLOWAT SO_RCVTIMEO SO_REUSEADDR SO_REUSEPORT SO_SNDBUF SO_SNDTIMEO
  SO_TIMESTAMP SO_TXREHASH SO_ZEROCOPY TCP_CONGESTION TCP_CORK TCP_DELACK_MAX_US TCP_INQ TCP_KEEPCNT TCP_KEEPIDLE
  TCP_KEEPINTVL TCP_LINGER2 TCP_NODELAY TCP_NOTSENT_LOWAT TCP_QUICKACK TCP_RTO_MAX_MS TCP_RTO_MIN_US TCP_SAVE_SYN
  TCP_SYNCNT TCP_THIN_LINEAR_TIMEOUTS TCP_TX_DELAY TCP_USER_TIMEOUT TCP_WINDOW_CLAMP IP_BIND_ADDRESS_NO_PORT
  IP_FREEBIND IP_MINTTL IP_MTU_DISCOVER IP_RECVTOS IP_TOS IP_TRANSPARENT IP_TTL
`
  .trim()
  .split(/\s+/)

/** Those that want a privilege, and SO_RESERVE_MEM, which wants a memory cgroup. */
const maybeRefused = [
  'SO_BUSY_POLL',
  'SO_MARK',
  'SO_PREFER_BUSY_POLL',
  'SO_RESERVE_MEM',
  'IP_TRANSPARENT',
]

describe('the list', () => {
  test('has S4.1 to S4.13, all with a run but the opinion S4.7', () => {
    const ids = Array.from({ length: 13 }, (_, i) => `S4.${i + 1}`)
    expect(scenarios.map(({ id }) => id)).toEqual(ids)
    expect(scenarios.filter(({ run }) => run === undefined).map(({ id }) => id)).toEqual(['S4.7'])
  })

  test('has an outcome here for each that can be run', () => {
    const runnable = scenarios.filter(({ run }) => run !== undefined).map(({ id }) => id)
    expect(Object.keys(onLinux)).toEqual(runnable)
  })
})

testOnLinux(scenarios, onLinux)

const inheritance = scenarioOf(scenarios, 'S4.2')
test.skipIf(process.platform !== 'linux')(
  'S4.2: which options are inherited, of all that this system has and permits',
  async ({ expect }) => {
    const { data } = await observe(inheritance)
    const { inherited, refused, absent } = data as Record<string, string[]>
    const elsewhere = new Set([...(refused ?? []), ...(absent ?? [])])
    expect(inherited).toEqual(inheritable.filter((name) => !elsewhere.has(name)))
    expect(maybeRefused).toEqual(expect.arrayContaining(refused ?? []))
  },
)

describe('in full (skipped: half a minute, wants SLOW=1)', { concurrent: true }, () => {
  for (const [id, outcome] of Object.entries(inFull)) {
    const scenario = scenarioOf(scenarios, id)
    const hindered = process.env.SLOW === '1' ? obstacle(scenario, outcome.needs) : 'wants SLOW=1'
    test.skipIf(hindered !== undefined)(
      `${id}: ${scenario.claim}`,
      { timeout: 60_000 },
      async ({ expect }) => {
        expect(await observe(scenario, { slow: true })).toMatchObject(outcome)
      },
    )
  }
})

testOnWindows(scenarios, onWindows)
