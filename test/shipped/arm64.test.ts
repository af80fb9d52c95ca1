/** The binary for Linux on arm64, in Node for arm64, under qemu-user; and what qemu cannot do. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { nodeBinary } from '../../scripts/node-binaries.js'
import { host } from '../../scripts/targets.js'
import { commandExists } from '../support/commands.js'
import { differences, outcomesOf } from './outcomes.js'

/**
 * qemu's, not ours: it passes only the options on that it knows by name, and hands out structures as one int.
 * Measured with qemu 7.2 (linux-user/syscall.c, do_getsockopt and do_setsockopt).
 */
const refused = {
  'get: EINVAL': ['SO_COOKIE', 'SO_NETNS_COOKIE'],
  'get: ENOPROTOOPT': [
    ...['IP_BIND_ADDRESS_NO_PORT', 'IP_LOCAL_PORT_RANGE', 'IP_MINTTL', 'IP_MTU'],
    ...['IP_MULTICAST_ALL', 'IP_MULTICAST_IF', 'IP_OPTIONS', 'IP_RECVORIGDSTADDR'],
    ...['IP_RECVTTL', 'IP_TRANSPARENT', 'IP_UNICAST_IF'],
    ...['IPV6_AUTOFLOWLABEL', 'IPV6_DONTFRAG', 'IPV6_MINHOPCOUNT', 'IPV6_MULTICAST_IF'],
    'IPV6_UNICAST_IF',
  ],
  'set: ENOPROTOOPT': [
    ...['SO_BINDTOIFINDEX', 'SO_BUF_LOCK', 'SO_BUSY_POLL', 'SO_INCOMING_CPU', 'SO_MARK'],
    ...['SO_MAX_PACING_RATE', 'SO_PEEK_OFF', 'SO_PREFER_BUSY_POLL', 'SO_RCVMARK'],
    ...['SO_RCVPRIORITY', 'SO_RESERVE_MEM', 'SO_TIMESTAMPNS', 'SO_TXREHASH', 'SO_ZEROCOPY'],
  ],
  // What was read was half a structure.
  'set: ERR_INVALID_ARG_TYPE': ['SO_TIMESTAMPING', 'SO_TXTIME'],
}

/** TCP_INFO is cut to its first int, so a TCP queue is always empty there; sock_diag is missing. */
const queueless = {
  setBacklog: 'Error: {"length":0,"limit":0} instead of {"length":0,"limit":33}',
  listenWithBacklog: 'Error: {"length":0,"limit":0} instead of {"length":0,"limit":7}',
  'listenWithBacklog on a Unix socket':
    'EPROTONOSUPPORT: getAcceptQueue EPROTONOSUPPORT: protocol not supported',
}

const qemu = 'qemu-aarch64-static'
const { stdout: version } = spawnSync(qemu, ['--version'], { encoding: 'utf8' })

test.skipIf(host !== 'linux-x64' || !commandExists(qemu))(
  'on arm64 all is as on x64, but for what qemu refuses (skipped where there is no qemu-user)',
  async () => {
    const here = await outcomesOf([process.execPath])
    const node = nodeBinary('20', 'linux-arm64')
    const there = await outcomesOf([qemu, '-L', '/usr/aarch64-linux-gnu', node])
    const { features, options } = differences(there, here)
    const expected = Object.fromEntries(
      Object.entries(refused).flatMap(([code, names]) => names.map((name) => [name, code])),
    )
    if (version.includes('version 7.2')) {
      expect(options).toEqual(expected)
      expect(features).toEqual(queueless)
    } else {
      // Later ones may know more.
      expect(expected).toMatchObject(options)
      expect(queueless).toMatchObject(features)
    }
  },
)
