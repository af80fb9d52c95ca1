import { invalidType, outOfRange } from '../errors.js'
import { type Codec, everywhere } from './codec.js'
import { checkInteger, checkObject } from '../arguments.js'
import { littleEndian } from './numbers.js'
import { put, structs } from './structs.js'

/** One instruction of classic BPF: `struct sock_filter` (linux/filter.h). */
export interface FilterInstruction {
  code: number
  jt: number
  jf: number
  k: number
}

/** linux/bpf_common.h: BPF_MAXINSNS. */
const maxInstructions = 4096

const instructionStruct = structs['struct sock_filter'].linux
const programStruct = structs['struct sock_fprog'].linux

function instructionBytes(name: string, instruction: FilterInstruction): Uint8Array {
  checkObject(name, instruction, 'code, jt, jf, k')
  const { code, jt, jf, k } = instruction
  checkInteger(`${name}.code`, code, 'u16', 0, 65535)
  checkInteger(`${name}.jt`, jt, 'u8', 0, 255)
  checkInteger(`${name}.jf`, jf, 'u8', 0, 255)
  checkInteger(`${name}.k`, k, 'u32', 0, 2 ** 32 - 1)
  const { size, members } = instructionStruct
  const bytes = new Uint8Array(size)
  const area = { view: new DataView(bytes.buffer) }
  put(area, 0, members.code, code)
  put(area, 0, members.jt, jt)
  put(area, 0, members.jf, jf)
  put(area, 0, members.k, k)
  return bytes
}

/** A classic BPF program: `struct sock_fprog`, a length and a pointer to the instructions. */
export const filterProgram: Codec<readonly FilterInstruction[]> = everywhere(
  'array of { code, jt, jf, k }',
  {
    size: programStruct.size,
    check(value, name) {
      if (!Array.isArray(value)) throw invalidType(name, 'an array of { code, jt, jf, k }', value)
      // A copy, so that the length is that of what is checked; it turns a hole into undefined.
      const program = [...(value as readonly FilterInstruction[])]
      if (program.length > maxInstructions) {
        const range = `at most ${maxInstructions} (instructions)`
        throw outOfRange(`${name}.length`, range, program.length)
      }
      return Buffer.concat(
        program.map((instruction, i) => instructionBytes(`${name}[${i}]`, instruction)),
      )
    },
    write(area, at, instructions: Uint8Array) {
      const { len, filter } = programStruct.members
      area.bytes.fill(0, at, at + programStruct.size)
      put(area, at, len, instructions.length / instructionStruct.size)
      area.view.setBigUint64(at + filter[1], area.pointTo(instructions), littleEndian)
      return programStruct.size
    },
    // Write-only: SO_GET_FILTER counts its buffer in instructions, not bytes.
    read: () => [],
  },
)
