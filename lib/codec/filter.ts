import { invalidType, outOfRange } from '../errors.js'
import { type Codec, everywhere } from './codec.js'
import { checkInteger } from '../arguments.js'
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

function instructionBytes(name: string, program: readonly FilterInstruction[]): Uint8Array {
  const { size, members } = instructionStruct
  const bytes = new Uint8Array(size * program.length)
  const area = { view: new DataView(bytes.buffer) }
  program.forEach((instruction, i) => {
    if (typeof instruction !== 'object' || instruction === null) {
      throw invalidType(`${name}[${i}]`, 'an object { code, jt, jf, k }', instruction)
    }
    checkInteger(`${name}[${i}].code`, instruction.code, 'u16', 0, 65535)
    checkInteger(`${name}[${i}].jt`, instruction.jt, 'u8', 0, 255)
    checkInteger(`${name}[${i}].jf`, instruction.jf, 'u8', 0, 255)
    checkInteger(`${name}[${i}].k`, instruction.k, 'u32', 0, 2 ** 32 - 1)
    put(area, size * i, members.code, instruction.code)
    put(area, size * i, members.jt, instruction.jt)
    put(area, size * i, members.jf, instruction.jf)
    put(area, size * i, members.k, instruction.k)
  })
  return bytes
}

/** A classic BPF program: `struct sock_fprog`, a length and a pointer to the instructions. */
export const filterProgram: Codec<readonly FilterInstruction[]> = everywhere(
  'array of { code, jt, jf, k }',
  {
    size: programStruct.size,
    write(area, at, value, name) {
      if (!Array.isArray(value)) throw invalidType(name, 'an array of { code, jt, jf, k }', value)
      const program = value as readonly FilterInstruction[]
      if (program.length > maxInstructions) {
        throw outOfRange(
          `${name}.length`,
          `at most ${maxInstructions} (instructions)`,
          program.length,
        )
      }
      const instructions = instructionBytes(name, program)
      const { len, filter } = programStruct.members
      area.bytes.fill(0, at, at + programStruct.size)
      put(area, at, len, program.length)
      area.view.setBigUint64(at + filter[1], area.pointTo(instructions), littleEndian)
      return programStruct.size
    },
    // Write-only: SO_GET_FILTER counts its buffer in instructions, not bytes.
    read: () => [],
  },
)
