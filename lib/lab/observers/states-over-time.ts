/** How the states of one connection change, looked up in /proc/net/tcp by a thread, so that a blocked close() is seen too. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { TcpState } from './proc-net-tcp.js'

/** Both ends from some moment on; `'none'`: the kernel has no such connection. */
export interface StateChange {
  /** Milliseconds since the connection was first seen. */
  time: number
  client: TcpState | 'none'
  server: TcpState | 'none'
}

/** What the thread is told. */
export interface StatesTask {
  port: number
  /** One number: not 0 when it shall stop. */
  stop: Int32Array
}

export class StatesOverTime {
  readonly #stop = new Int32Array(new SharedArrayBuffer(4))
  readonly #worker: Worker

  private constructor(port: number) {
    const task: StatesTask = { port, stop: this.#stop }
    this.#worker = new Worker(new URL('states-worker.js', import.meta.url), { workerData: task })
  }

  /** Resolves once the thread looks; the port's listener shall get one connection only. */
  static async start(port: number): Promise<StatesOverTime> {
    const states = new StatesOverTime(port)
    await once(states.#worker, 'message')
    return states
  }

  /** The changes, the last of them as things are now. */
  async stop(): Promise<StateChange[]> {
    const message = once(this.#worker, 'message') as Promise<[StateChange[]]>
    Atomics.store(this.#stop, 0, 1)
    Atomics.notify(this.#stop, 0)
    const [changes] = await message
    return changes
  }
}

/** The states in a line: `client ESTABLISHED, FIN_WAIT1, none`. */
export function statesOf(end: 'client' | 'server', changes: readonly StateChange[]): string[] {
  const states = changes.map((change) => change[end])
  return states.filter((state, i) => state !== states[i - 1])
}
