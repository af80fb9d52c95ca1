/** Files that must not be shipped, made with compilers, and what the gate says of each. */
import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { faultsOf, libcFunctions } from '../../scripts/check-prebuilds.js'
import { inspect } from '../../scripts/inspect-binary.js'
import { commandExists } from '../support/commands.js'
import { temporaryPath } from '../support/files.js'

interface Case {
  /** C before, or instead of, a proper addon. */
  code?: string
  instead?: string
  options?: string[]
  linking?: string[]
  target?: string
  faults: (string | RegExp)[]
}

const addon = `
  int napi_create_int32(void);
  int listen(int, int);
  __attribute__((weak)) int uv_close(void);
  __attribute__((visibility("default"))) int napi_register_module_v1(void) {
    return napi_create_int32() + listen(0, 1) + (&uv_close != 0 ? uv_close() : 0);
  }
  __attribute__((visibility("default"))) int node_api_module_get_api_version_v1(void) { return 8; }
`

/** Compiles a shared library as ours are; `linking` are the options that a case may change. */
function compile(compiler: string, code: string, options: string[]): string {
  const file = temporaryPath('addon.node')
  const args = ['-x', 'c', '-', '-shared', '-fPIC', '-O2', '-fvisibility=hidden', '-w']
  const { status, stderr } = spawnSync(compiler, [...args, ...options, '-o', file], {
    input: code,
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return file
}

const elf: Record<string, Case> = {
  'a proper one': { faults: [] },
  'for another machine': {
    target: 'linux-arm64',
    faults: ['is elf64-x86-64, not elf64-littleaarch64'],
  },
  'for another system': { target: 'win32-x64', faults: ['is elf64-x86-64, not COFF-x86-64'] },
  'for a platform that nobody knows': {
    target: 'linux-mips',
    faults: ['is for a target that scripts/targets.js does not have'],
  },
  'with its symbols': { linking: ['-nostdlib'], faults: ['is not stripped'] },
  'with an export of its own': {
    code: '__attribute__((visibility("default"))) int secret(void) { return 1; }',
    faults: ['exports secret'],
  },
  'that is no addon': {
    instead: 'int unused;',
    faults: [
      'does not export napi_register_module_v1',
      'does not export node_api_module_get_api_version_v1',
    ],
  },
  'with a checked function, by _FORTIFY_SOURCE': {
    code: `
      #include <sys/socket.h>
      char bytes[16];
      __attribute__((used)) static long get(int fd, long n) { return recv(fd, bytes, n, 0); }
    `,
    options: ['-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2'],
    faults: ['wants __recv_chk, which is not known to be in glibc and musl'],
  },
  'with a 64-bit function, by _FILE_OFFSET_BITS': {
    code: `
      #include <fcntl.h>
      __attribute__((used)) static int get(int fd) { return fcntl(fd, F_GETFD); }
    `,
    options: ['-D_FILE_OFFSET_BITS=64'],
    faults: ['wants fcntl64, which is not known to be in glibc and musl'],
  },
  'with the C library': {
    linking: ['-s'],
    faults: [
      'needs the library libc.so.6',
      'wants a version of a symbol: listen@GLIBC_2.2.5',
      'wants a version of a symbol: __cxa_finalize@GLIBC_2.2.5',
    ],
  },
  'that dies in Deno': {
    code: 'int uv_unref(void); __attribute__((used)) static int get(void) { return uv_unref(); }',
    faults: ['wants uv_unref, which Deno lacks, not weakly'],
  },
  'that may call nothing': {
    code: `
      __attribute__((weak)) int arc4random(void);
      __attribute__((used)) static int get(void) { return arc4random(); }
    `,
    faults: ['wants arc4random, which is not known to be in glibc and musl'],
  },
  'that is large': {
    code: '__attribute__((used)) static char bytes[100000] = { 1 };',
    faults: [/^has \d+ bytes, 100000 or more$/],
  },
}

const musl = '/lib/ld-musl-x86_64.so.1'
const hasLlvm = ['', '-16', '-17', '-18'].some((version) => commandExists(`llvm-readobj${version}`))
const isLinux = process.platform === 'linux' && process.arch === 'x64'

describe.skipIf(!hasLlvm || !isLinux)(
  'the gate (skipped where LLVM is not, or not Linux x64)',
  () => {
    test.for(Object.entries(elf))('a file %s', ([, one]) => {
      const code = (one.code ?? '') + (one.instead ?? addon)
      const linking = one.linking ?? ['-nostdlib', '-s']
      const file = compile('gcc', code, [...(one.options ?? []), ...linking])
      expectFaults(faultsOf(one.target ?? 'linux-x64', file), one.faults)
    })

    test('a file that is no binary', () => {
      const file = temporaryPath('addon.node')
      writeFileSync(file, 'module.exports = {}\n')
      expectFaults(faultsOf('linux-x64', file), [/^not a binary: /])
    })

    test.skipIf(!commandExists('x86_64-w64-mingw32-gcc'))(
      'a file of Windows that exports all and needs a library (skipped without mingw-w64)',
      () => {
        const file = compile(
          'x86_64-w64-mingw32-gcc',
          '#include <winsock2.h>\nint odd(void) { return bind(0, 0, 0) + MessageBoxA(0, "", "", 0); }',
          ['-luser32', '-lws2_32'],
        )
        expectFaults(faultsOf('win32-x64', file), [
          'exports odd',
          'does not export napi_register_module_v1',
          'does not export node_api_module_get_api_version_v1',
          'needs the library user32.dll',
          'is not stripped',
        ])
      },
    )

    test.skipIf(!commandExists('clang-16') || !commandExists('ld64.lld-16'))(
      'files of macOS, a proper one and one with its symbols (skipped without clang-16 and lld-16)',
      () => {
        const named = addon.replace('__attribute__((weak)) int uv_close', 'int uv_close')
        const code = `${named} __attribute__((used)) static int own(void) { return 1; }`
        expectFaults(faultsOf('darwin-arm64', linkForMacOs(code, ['-x'])), [])
        const faulty = linkForMacOs(`${code} __attribute__((visibility("default"))) int odd;`, [])
        expectFaults(faultsOf('darwin-arm64', faulty), ['exports odd', 'is not stripped'])
      },
    )

    test.skipIf(!existsSync(musl))('what it allows is in musl (skipped without musl)', () => {
      const { exports } = inspect(musl)
      expect(libcFunctions.filter((name) => !exports.includes(name))).toEqual([])
    })
  },
)

function linkForMacOs(code: string, options: string[]): string {
  const object = temporaryPath('addon.o')
  const file = temporaryPath('addon.node')
  const compiling = ['-target', 'arm64-apple-macos11.0', '-ffreestanding', '-fvisibility=hidden']
  const compiled = spawnSync('clang-16', [...compiling, '-x', 'c', '-c', '-', '-o', object], {
    input: code,
  })
  expect(compiled.status).toBe(0)
  const versions = ['-arch', 'arm64', '-platform_version', 'macos', '11.0', '14.0']
  const linking = ['-bundle', '-undefined', 'dynamic_lookup', ...options, object, '-o', file]
  expect(spawnSync('ld64.lld-16', [...versions, ...linking]).status).toBe(0)
  return file
}

function expectFaults(faults: string[], expected: (string | RegExp)[]): void {
  const matchers = expected.map((each) =>
    typeof each === 'string' ? each : (expect.stringMatching(each) as string),
  )
  expect(faults).toEqual(expect.arrayContaining(matchers))
  expect(faults).toHaveLength(matchers.length)
}
