import { options as catalogue, type OptionInfo } from '../catalogue.js'
import { getOption } from '../sockopt.js'
import type { ReadableOption } from '../option-types.js'
import { platform, platformNames } from '../platform.js'
import { borrowListener } from './live-listener.js'
import { fail, parse, printTable } from './output.js'

const help = `Usage: net-sockopt options [--all] [--json] [NAME ...]
       net-sockopt options --port PORT [--json] [NAME ...]

The socket options of this system: number, unit, meaning. With --port, the values that a live listener of this
user has now (Linux). A NAME may be part of one: "options keep" shows TCP_KEEPIDLE and its kin.

  --port PORT   the values of the listener on that TCP port
  --all         also options that this system lacks
  --json        the same as JSON`

const flags = {
  port: { type: 'string' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

export function run(args: string[]): void {
  const parsed = parse(args, flags, help)
  if (parsed === undefined) return
  const { values, positionals } = parsed
  const shown = Object.values<OptionInfo>(catalogue).filter(
    ({ name, number }) =>
      (values.all === true || number !== undefined) &&
      (positionals.length === 0 || positionals.some((part) => name.includes(part.toUpperCase()))),
  )
  if (shown.length === 0) {
    fail(`No option of ${platformNames[platform]} is called like that.`)
  } else if (values.port === undefined) {
    printCatalogue(shown, values.json === true)
  } else {
    printValues(shown, values.port, values.json === true)
  }
}

function printCatalogue(shown: OptionInfo[], json: boolean): void {
  if (json) {
    console.log(JSON.stringify(shown, null, 2))
    return
  }
  const rows = shown.map(({ name, number, unit, access, about }) => [
    name,
    number === undefined ? '-' : String(number),
    access === 'both' ? unit : `${unit} (${access} only)`,
    about,
  ])
  printTable(['option', 'number', 'value', 'what it is'], rows, [26, 8, 22, 60])
}

/** What a listener has, by name; options that it does not have are left out. */
function valuesOf(descriptor: number, shown: OptionInfo[]): Record<string, unknown> {
  const pairs = shown
    // Reading these has an effect: the first clears a pending error, the second opens a descriptor.
    .filter(({ name }) => name !== 'SO_ERROR' && name !== 'SO_PEERPIDFD')
    .filter(({ access, number }) => access !== 'set' && number !== undefined)
    .map(({ name }) => [name, valueOf(descriptor, name as ReadableOption)] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== undefined))
}

function valueOf(descriptor: number, name: ReadableOption): unknown {
  try {
    const value: unknown = getOption(descriptor, name)
    if (typeof value === 'bigint') return String(value)
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value
  } catch {
    return undefined
  }
}

function printValues(shown: OptionInfo[], port: string, json: boolean): void {
  const number = Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65535) {
    fail(`"${port}" is no port.`)
    return
  }
  const listener = borrowListener(number)
  if (typeof listener === 'string') {
    fail(listener)
    return
  }
  const values = valuesOf(listener.descriptor, shown)
  if (json) {
    console.log(JSON.stringify({ pid: listener.pid, port: number, values }, null, 2))
    return
  }
  console.log(`The listener on port ${number}, process ${listener.pid}:`)
  const rows = Object.entries(values).map(([name, value]) => [
    name,
    typeof value === 'string' ? value : JSON.stringify(value),
    catalogue[name as ReadableOption].unit,
    catalogue[name as ReadableOption].about,
  ])
  printTable(['option', 'now', 'unit', 'what it is'], rows, [26, 18, 18, 54])
}
