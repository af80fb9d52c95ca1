// What must hold after each round, and over all of them.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** What this process has open, sockets without their numbers, in order. */
export function descriptors() {
  return readdirSync('/proc/self/fd').flatMap(nameOf).toSorted()
}

function nameOf(fd) {
  try {
    return [readlinkSync(`/proc/self/fd/${fd}`).replace(/:\[\d+\]$/, '')]
  } catch {
    // That of the directory itself.
    return []
  }
}

/** What is open now and was not before, and the other way round: '+socket +socket -pipe'; nothing if alike. */
export function difference(before, now) {
  const rest = [...before]
  const more = now.filter((name) => {
    const at = rest.indexOf(name)
    if (at !== -1) rest.splice(at, 1)
    return at === -1
  })
  return [...more.map((name) => `+${name}`), ...rest.map((name) => `-${name}`)].join(' ')
}

/** A counter of this network namespace, from /proc/net/netstat. */
export function kernelCounter(name) {
  const lines = readFileSync('/proc/net/netstat', 'utf8').split('\n')
  const at = lines[0].split(' ').indexOf(name)
  return Number(lines[1].split(' ')[at])
}

/** Sums the clients' counts and compares them with the server's; the sentence that is wrong, or nothing. */
export function account(kind, server, clients, killed) {
  const total = (field) => clients.reduce((sum, counts) => sum + (counts[kind]?.[field] ?? 0), 0)
  const opened = total('opened') + killed
  const { accepted, stale, turnedAway, closed } = server
  const sum = accepted + stale + turnedAway
  const wrong = []
  if (opened !== sum) {
    wrong.push(
      `${kind}: ${opened} opened, but ${accepted} accepted + ${stale} stale + ${turnedAway} turned away`,
    )
  }
  if (accepted !== closed) wrong.push(`${kind}: ${accepted} accepted, ${closed} closed`)
  if (total('refused') > 0)
    wrong.push(`${kind}: ${total('refused')} refused by a listener that is open`)
  return { opened, asTold: total('asTold'), left: total('left'), wrong }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

/** After so many rounds code is compiled, pools are filled, and each thread has collected its garbage once. */
const warmUpRounds = 5
export const fewestRounds = 10

/** By how much a series grows after the warm-up: the median of its second half less that of its first. */
export function growth(series) {
  const warm = series.slice(Math.max(warmUpRounds, Math.ceil(series.length / 3)))
  const half = Math.floor(warm.length / 2)
  return median(warm.slice(half)) - median(warm.slice(0, half))
}
