#!/usr/bin/env node
/** `net-sockopt <command>`: what this system does with sockets, for people. */
import { fail } from './output.js'

const help = `Usage: net-sockopt <command> [options]

Commands:
  lab      reproduce what is documented of backlog, TIME_WAIT, linger and keep-alive on this system
  doctor   the settings and counters of this system that a busy server should know
  options  the socket options of this system, or the current values of a live listener

"net-sockopt <command> --help" says more. --version prints the version.`

interface Command {
  run(args: string[]): void | Promise<void>
}

const commands: Record<string, () => Promise<Command>> = {
  lab: () => import('./lab.js'),
  doctor: () => import('./doctor.js'),
  options: () => import('./options.js'),
}

async function main([command, ...args]: string[]): Promise<void> {
  if (command === '--version') {
    const { default: description } = (await import('net-sockopt/package.json', {
      with: { type: 'json' },
    })) as { default: { version: string } }
    console.log(description.version)
  } else if (command === undefined || command === '--help' || command === '-h') {
    console.log(help)
    if (command === undefined) process.exitCode = 2
  } else if (Object.hasOwn(commands, command)) {
    const loaded = await commands[command]?.()
    await loaded?.run(args)
  } else {
    fail(`There is no command "${command}".`, help)
  }
}

await main(process.argv.slice(2))
