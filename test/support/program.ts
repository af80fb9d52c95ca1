/** A program in a process of its own, as a user of the package runs it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface ProgramOptions {
  /** A command that runs the program, which is appended to it: `['strace', '-f']`. */
  through?: string[]
  arguments?: string[]
  /** Who ends it; it is over with the test unless another says when. */
  atEnd?: (end: () => void) => void
}

export interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

/** A running program, whose output is read line by line. */
export class Program {
  readonly child: ChildProcess
  readonly ended: Promise<Ran>
  readonly lines: string[] = []
  #stdout = ''
  #stderr = ''
  #wake: () => void = () => undefined

  constructor(source: string, options: ProgramOptions = {}) {
    const { through = [], arguments: given = [], atEnd = onTestFinished } = options
    const node = [process.execPath, '--input-type=module', '-e', source, '--', ...given]
    const [command = '', ...rest] = [...through, ...node]
    this.child = spawn(command, rest, { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] })
    this.child.stdout?.setEncoding('utf8').on('data', (text: string) => this.#read(text))
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text))
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', (status) => {
        this.#wake()
        resolve({ status, stdout: this.#stdout, stderr: this.#stderr })
      })
    })
    atEnd(() => void this.child.kill('SIGKILL'))
  }

  /** The next line that it prints; an error, with what it complained of, if it ends instead. */
  async line(): Promise<string> {
    while (this.lines.length === 0) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`The program has ended: ${this.#stderr}`)
      }
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
    return this.lines.shift() ?? ''
  }

  /** Tells it something on its standard input. */
  tell(line: string): void {
    this.child.stdin?.write(`${line}\n`)
  }

  #read(text: string): void {
    const complete = this.#stdout.lastIndexOf('\n') + 1
    this.#stdout += text
    const lines = this.#stdout.slice(complete).split('\n').slice(0, -1)
    this.lines.push(...lines)
    this.#wake()
  }
}

/** Runs a program to its end. */
export async function runProgram(source: string, options?: ProgramOptions): Promise<Ran> {
  return new Program(source, options).ended
}
