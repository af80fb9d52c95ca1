/** The package as npm packs it, installed in an empty project, where nothing can compile. */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Ran {
  status: number | null
  stdout: string
  stderr: string
}

/** A directory that goes when the tests of the file are over. */
function directoryForFile(): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'net-sockopt-')))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

function firstInPath(command: string): string {
  const directories = (process.env.PATH ?? '').split(delimiter)
  const found = directories.map((directory) => join(directory, command)).find(existsSync)
  if (found === undefined) throw new Error(`no ${command}`)
  return realpathSync(found)
}

/** A PATH with node, npm and sh, and nothing that compiles. */
function pathWithoutCompiler(parent: string): string {
  const directory = join(parent, 'bin')
  mkdirSync(directory)
  symlinkSync(process.execPath, join(directory, 'node'))
  for (const command of ['npm', 'sh']) symlinkSync(firstInPath(command), join(directory, command))
  return directory
}

function run(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 60_000,
    killSignal: 'SIGKILL',
  })
  if (error) throw error
  return { status, stdout, stderr }
}

function mustRun(command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = run(command, args, cwd, env)
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout
}

/** Packs a package without running its scripts: dist/ and prebuilds/ as they are. */
export function pack(directory: string, destination: string): { path: string; files: string[] } {
  const args = ['pack', directory, '--json', '--ignore-scripts', '--pack-destination', destination]
  const [packed] = JSON.parse(mustRun('npm', args, destination, process.env)) as [
    { filename: string; files: { path: string }[] },
  ]
  return {
    path: join(destination, packed.filename),
    files: packed.files.map(({ path }) => path),
  }
}

/** A project of a user's. */
export class Project {
  readonly directory: string
  /** What npm packed of ours. */
  readonly files: string[]
  /** The environment of everything that runs in it. */
  readonly env: NodeJS.ProcessEnv

  /** Installs offline; the registry is a closed port, in case somebody asks it all the same. */
  constructor() {
    const parent = directoryForFile()
    this.directory = join(parent, 'project')
    mkdirSync(this.directory)
    const variables = Object.entries(process.env).filter(
      ([name]) => !/^(npm_|VITEST|NODE)/i.test(name),
    )
    this.env = {
      ...Object.fromEntries(variables),
      PATH: pathWithoutCompiler(parent),
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_fetch_retries: '0',
    }
    this.write('package.json', JSON.stringify({ name: 'project', version: '1.0.0' }))
    const ours = pack(root, parent)
    this.files = ours.files
    const loader = pack(join(root, 'node_modules', 'node-gyp-build'), parent)
    this.must('npm', ['install', '--offline', '--ignore-scripts', ours.path, loader.path])
  }

  get installed(): string {
    return join(this.directory, 'node_modules', 'net-sockopt')
  }

  write(name: string, content: string): string {
    const path = join(this.directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    return path
  }

  /** Lets the project have a package that this one has. */
  borrow(name: string): void {
    const path = join(this.directory, 'node_modules', name)
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), path)
  }

  run(command: string, args: string[], env: NodeJS.ProcessEnv = {}): Ran {
    return run(command, args, this.directory, { ...this.env, ...env })
  }

  must(command: string, args: string[], env: NodeJS.ProcessEnv = {}): string {
    return mustRun(command, args, this.directory, { ...this.env, ...env })
  }
}
