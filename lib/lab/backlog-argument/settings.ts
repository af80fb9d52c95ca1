/** Settings that the document prints, as this system has them. */
import { getAcceptQueue, getOption } from '../../index.js'
import { Burst, listen, portOf } from '../linux-backlog/burst.js'
import { compare } from '../linux-backlog/compare.js'
import { sysctlNumber } from '../observers/sysctl.js'
import type { Observation, Scenario } from '../scenario.js'

async function somaxconn(): Promise<Observation> {
  const value = sysctlNumber('core.somaxconn')
  const asked = value + 1
  const { limit } = getAcceptQueue(await listen({ backlog: asked }))
  return compare({
    asDocumented: value === 128 && limit === 128,
    seen: `the value is ${value}; a backlog of ${asked} becomes ${limit}`,
    why:
      value === 128
        ? undefined
        : 'Linux 5.4 raised the default from 128 to 4096, and it can be set (S3.9)',
    data: { value, asked, limit },
  })
}

/** TCPI_OPT_TIMESTAMPS in tcpi_options, byte 5 of struct tcp_info (linux/tcp.h). */
const timestampsBit = 1

async function timestamps(): Promise<Observation> {
  const value = sysctlNumber('ipv4.tcp_timestamps')
  const burst = new Burst(portOf(await listen({ backlog: 1 })), 1)
  await burst.reached(1)
  const [client] = burst.clients
  if (client === undefined) throw new Error('no client')
  const inUse = ((getOption(client, 'TCP_INFO')[5] ?? 0) & timestampsBit) !== 0
  return compare({
    asDocumented: value === 1 && inUse,
    seen: `the value is ${value}; a new connection has timestamps ${inUse ? 'on' : 'off'}`,
    why: value === 1 ? undefined : `the value here is ${value}`,
    data: { value, inUse },
  })
}

export const settings: Scenario[] = [
  {
    id: 'S0.10',
    claim: 'somaxconn is 128: no backlog can be larger.',
    of: 'Linux',
    documented: 'Linux: 128.',
    platforms: ['linux'],
    run: somaxconn,
  },
  {
    id: 'S0.17',
    claim: 'tcp_timestamps is 1: connections carry timestamps.',
    of: 'Linux',
    documented: 'Linux: 1.',
    platforms: ['linux'],
    run: timestamps,
  },
]
