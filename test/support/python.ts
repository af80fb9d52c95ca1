/** Python's socket module on a descriptor of ours: what it says of an option is no echo of our own code. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { descriptorOf as socketOf } from '../../lib/descriptor.js'
import { handleOf } from '../../lib/node-internals.js'
import type net from 'node:net'

/** The descriptor of a socket; on Windows, its SOCKET. */
export function descriptorOf(socket: net.Socket | net.Server | number): number {
  const fd = typeof socket === 'number' ? socket : socketOf(handleOf(socket))
  if (fd === undefined || fd < 0) throw new Error('no descriptor')
  return fd
}

/** Runs a Python program that has the descriptor as `s`, and returns what `print(json.dumps(...))` wrote. */
export async function python(fd: number, program: string): Promise<unknown> {
  const preface = 'import json, socket, struct\ns = socket.socket(fileno=3)\n'
  const child = spawn('python3', ['-I', '-S', '-c', preface + program], {
    stdio: ['ignore', 'pipe', 'pipe', fd],
  })
  const [output, errors, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'close') as Promise<[number]>,
  ])
  if (code !== 0) throw new Error(errors)
  return JSON.parse(output || 'null')
}
