/** The other end of a connection, in another process and in bare system calls: peer.py. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import type { Server } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll } from 'vitest'
import { portOf } from './sockets.js'
import { isWindows } from './system.js'

/** The peer speaks POSIX. */
export const hasPython = !isWindows && spawnSync('python3', ['--version']).status === 0

/** What recv() brought: bytes, the first of them, and what came instead of more. */
export interface Received {
  size: number
  head: string
  then: 'end' | 'nothing' | 'ECONNRESET' | 'EPIPE'
}

type Answer = Record<string, unknown>

class Python {
  readonly #child: ChildProcessWithoutNullStreams
  readonly #pending = new Map<number, (answer: Answer) => void>()
  #count = 0

  constructor() {
    const program = fileURLToPath(new URL('peer.py', import.meta.url))
    this.#child = spawn('python3', [program])
    this.#child.stderr.pipe(process.stderr)
    createInterface(this.#child.stdout).on('line', (line) => {
      const { number, ...answer } = JSON.parse(line) as Answer & { number: number }
      this.#pending.get(number)?.(answer)
      this.#pending.delete(number)
    })
  }

  async run(command: string, values: Answer): Promise<Answer> {
    const number = this.#count++
    const answer = await new Promise<Answer>((resolve) => {
      this.#pending.set(number, resolve)
      this.#child.stdin.write(`${JSON.stringify([number, command, values])}\n`)
    })
    if (answer.failed !== undefined) throw new Error(`${command}: ${JSON.stringify(answer.failed)}`)
    return answer
  }

  stop(): void {
    this.#child.kill()
  }
}

/** One connection of it. */
export class Peer {
  readonly #python: Python
  readonly #name: string
  readonly port: number

  constructor(python: Python, name: string, port: number) {
    this.#python = python
    this.#name = name
    this.port = port
  }

  /** Everything, until an end, an error, or silence for that long. */
  async read(seconds = 10): Promise<Received> {
    return (await this.#do('read', { timeout: seconds })) as unknown as Received
  }

  async send(size: number): Promise<void> {
    await this.#do('send', { size })
  }

  /** SO_ERROR. */
  async error(): Promise<unknown> {
    return (await this.#do('error')).code
  }

  /** From here on its kernel hears nothing, and so acknowledges nothing (SO_ATTACH_FILTER, which needs root). */
  async deaf(): Promise<void> {
    await this.#do('deaf')
  }

  async heal(): Promise<void> {
    await this.#do('heal')
  }

  /** shutdown(SHUT_WR). */
  async finish(): Promise<void> {
    await this.#do('finish')
  }

  async close(): Promise<void> {
    await this.#do('close')
  }

  async reset(): Promise<void> {
    await this.#do('reset')
  }

  #do(command: string, values: Answer = {}): Promise<Answer> {
    return this.#python.run(command, { name: this.#name, ...values })
  }
}

export type Connect = (server: number | Server, window?: number) => Promise<Peer>

/**
 * Starts the process for all tests of a file; each call of what is returned is a connection, with a receive
 * buffer of so many bytes if that is said.
 */
export function usePeers(): Connect {
  let python: Python | undefined
  let count = 0
  beforeAll(() => {
    python = new Python()
  })
  afterAll(() => python?.stop())
  return async (server, window = 0) => {
    if (python === undefined) throw new Error('not started')
    const name = `peer ${count++}`
    const port = typeof server === 'number' ? server : portOf(server)
    const answer = await python.run('connect', { name, port, window })
    return new Peer(python, name, answer.port as number)
  }
}
