// Questions and answers between the soak's main thread and its threads and child processes, one object each.
import { parentPort } from 'node:worker_threads'

const complaints = []

/** What nobody should ever see: it is told with the next answer, and fails the run. */
export function complain(text) {
  if (complaints.length < 20) complaints.push(text)
}

/** Runs the command that each message names, and sends back what it returns. */
export function answer(commands) {
  for (const event of ['uncaughtException', 'unhandledRejection', 'warning']) {
    process.on(event, (reason) => complain(`${event}: ${reason?.stack ?? reason}`))
  }
  const port = parentPort ?? process
  const send = parentPort
    ? (message) => parentPort.postMessage(message)
    : process.send.bind(process)
  port.on('message', async ({ id, command, given }) => {
    let result
    try {
      result = await commands[command](given)
    } catch (error) {
      complain(`${command}: ${error?.stack ?? error}`)
    }
    send({ id, result, complaints: complaints.splice(0) })
  })
}

/** The other side: a Worker or a forked child that answers. */
export class Peer {
  #ids = 0
  #waiting = new Map()

  constructor(name, target, onComplaint) {
    this.name = name
    this.target = target
    target.on('message', ({ id, result, complaints: told }) => {
      for (const text of told) onComplaint(`${name}: ${text}`)
      this.#waiting.get(id)?.(result)
      this.#waiting.delete(id)
    })
    target.on('error', (error) => onComplaint(`${name}: ${error.stack}`))
    this.exited = new Promise((resolve) => target.once('exit', resolve))
  }

  /** Rejects when the other side has ended, or does not answer. */
  async ask(command, given) {
    const id = this.#ids++
    const told = new Promise((resolve) => this.#waiting.set(id, resolve))
    const message = { id, command, given }
    if (this.target.postMessage) this.target.postMessage(message)
    else this.target.send(message)
    let timer
    const late = new Promise((_resolve, reject) => {
      const text = `${this.name} does not answer "${command}"`
      timer = setTimeout(() => reject(new Error(text)), 60_000)
    })
    const ended = this.exited.then((code) => {
      throw new Error(`${this.name} has ended with ${code} before "${command}"`)
    })
    try {
      return await Promise.race([told, late, ended])
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What is left when garbage is gone. */
export function heapAfterCollection() {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
