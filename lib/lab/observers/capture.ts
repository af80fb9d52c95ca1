/** What goes over loopback to and from one server port, captured by tcpdump(8): an observer that is not us. */
import { type ChildProcess, spawn } from 'node:child_process'
import dgram from 'node:dgram'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Packet {
  /** Milliseconds since the first packet of the capture. */
  time: number
  from: 'client' | 'server'
  /** Which client, where there are several. */
  clientPort: number
  /** `'S'`, `'SA'`, `'A'`, `'PA'`, `'FA'`, `'RA'`, `'R'` ...: SYN, ACK, PSH, FIN, RST. */
  flags: string
  /** Bytes of payload. */
  length: number
}

/**
 * A running capture. If tcpdump is missing or may not capture, `refusal` says why, and there are no packets.
 *
 * @example
 * const capture = await Capture.start(port)
 * // ... connect, talk, close
 * const packets = await capture.stop()
 * console.log(capture.refusal ?? ladder(packets)) // '>S <SA >A >PA(4) <A >RA'
 */
export class Capture {
  /** Grows as packets come; tcpdump writes each at once, but only {@link stop} knows that it has all. */
  readonly packets: Packet[] = []
  /** Why nothing can be captured. */
  refusal: string | undefined
  readonly #port: number
  readonly #tcpdump: ChildProcess
  #began: number | undefined
  #markerSeen = false

  private constructor(port: number) {
    this.#port = port
    const root = process.getuid?.() === 0 ? ['-Z', 'root'] : []
    // Headers only: in immediate mode each packet takes a whole slot of the buffer, of which there are eight
    // with the usual slots of 256 KiB, and packets are lost while tcpdump waits for a processor.
    const options = ['-i', 'lo', '-n', '-tt', '-l', '-U', '-s', '160', '--immediate-mode', ...root]
    const program = ['tcpdump', ...options, `tcp port ${port} or udp dst port ${port}`]
    // It must not outlive us, whatever we die of.
    this.#tcpdump = spawn('setpriv', ['--pdeathsig', 'KILL', ...program], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }

  /** Resolves once tcpdump listens, so that no later packet is missed; or once it has refused. */
  static async start(port: number): Promise<Capture> {
    const capture = new Capture(port)
    await capture.#listening()
    return capture
  }

  /** Everything that was sent until now. */
  async stop(): Promise<readonly Packet[]> {
    if (this.refusal === undefined) await this.#allSeen()
    this.#tcpdump.kill('SIGKILL')
    return this.packets
  }

  async #listening(): Promise<void> {
    const { stdout, stderr } = this.#tcpdump
    if (stdout === null || stderr === null) throw new Error('no pipes to tcpdump')
    createInterface(stdout).on('line', (line) => this.#take(line))
    let said = ''
    await new Promise<void>((resolve) => {
      stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text
        if (said.includes('listening on')) resolve()
      })
      const refuse = (): void => {
        this.refusal = /failed to execute|ENOENT/.test(said) ? 'needs tcpdump' : said.trim()
        resolve()
      }
      this.#tcpdump.on('close', refuse).on('error', (error) => {
        said += error.message
        refuse()
      })
    })
  }

  /** Packets come in order, so when one that we send last has been seen, all have been. */
  async #allSeen(): Promise<void> {
    const marker = dgram.createSocket('udp4')
    for (let i = 0; i < 500 && !this.#markerSeen; i++) {
      if (i % 50 === 0) marker.send('', this.#port, '127.0.0.1')
      await sleep(2)
    }
    marker.close()
  }

  #take(line: string): void {
    const [, seconds, source, destination, rest = ''] =
      /^([\d.]+) IP6? \S+\.(\d+) > \S+\.(\d+): (.*)$/.exec(line) ?? []
    if (rest.startsWith('UDP')) this.#markerSeen = true
    const [, flags] = /^Flags \[([^\]]+)\]/.exec(rest) ?? []
    if (flags === undefined) return
    const isServer = Number(source) === this.#port
    this.#began ??= Number(seconds)
    this.packets.push({
      time: Math.round((Number(seconds) - this.#began) * 1e6) / 1000,
      from: isServer ? 'server' : 'client',
      clientPort: Number(isServer ? destination : source),
      flags: flags.replace('.', 'A').replace(/[^SFRPA]/g, ''),
      length: Number(/length (\d+)/.exec(rest)?.[1] ?? 0),
    })
  }
}

/** The packets as a line: `>` from the client, `<` from the server, payload bytes in brackets: `>PA(4) <A >RA`. */
export function ladder(packets: readonly Packet[]): string {
  return packets
    .map(({ from, flags, length }) => {
      const bytes = length > 0 ? `(${length})` : ''
      return `${from === 'client' ? '>' : '<'}${flags}${bytes}`
    })
    .join(' ')
}
