/** A request of the table, sent; and one that only sets, as an option that can be kept for later. */
import { area, native } from './binding.js'
import type { Layout } from './codec/codec.js'
import { unsigned } from './codec/numbers.js'
import { errnoOf, systemError } from './errors.js'
import type { IoctlRow } from './ioctls.js'
import type { Row } from './options.js'
import { platform, platformNames } from './platform.js'
import { type Option, optionOf } from './resolve.js'

/** Sends a request that this system has, with an input that has been checked. */
export function send(socket: number, name: string, row: IoctlRow, checked?: unknown): unknown {
  const result =
    row.versions === undefined
      ? exchange(socket, row, row.input?.on(platform), checked)
      : newestKnown(row.versions, (version) => exchange(socket, row, versionLayout, version))
  checkResult(result, name, row)
  const output = row.value?.on(platform)
  return output?.read(area, 0, answerLength(output.size, result))
}

/** The version of an answer: a DWORD. */
const versionLayout = unsigned('version').on('win32')

/** What a system says to a version that it does not know, or whose size is not the one that it knows. */
const unknownVersion = [errnoOf('EINVAL'), errnoOf('EOPNOTSUPP'), errnoOf('EMSGSIZE')]

/** The result with the first of the versions that the system knows; with the last if it knows none. */
export function newestKnown(
  versions: readonly number[],
  attempt: (version: number) => number,
): number {
  let result = 0
  for (const version of versions) {
    result = attempt(version)
    if (!unknownVersion.includes(result)) break
  }
  return result
}

function exchange(
  socket: number,
  { numbers, value }: IoctlRow,
  input: Layout<unknown> | undefined,
  checked: unknown,
): number {
  const outputLength = value?.on(platform).size ?? 0
  area.bytes.fill(0, 0, Math.max(outputLength, input?.size ?? 0))
  const inputLength = input?.write(area, 0, checked) ?? 0
  return native.ioctl(socket, numbers[platform] ?? 0, inputLength, outputLength)
}

/** Windows tells how much it wrote; elsewhere the request has one size. */
export function answerLength(size: number, result: number): number {
  return platform === 'win32' ? Math.min(size, result) : size
}

export function checkResult(result: number, option: string, row?: IoctlRow): void {
  if (result >= 0) return
  const since = result === errnoOf('EOPNOTSUPP') ? row?.since?.[platform] : undefined
  const hint = since && `${platformNames[platform]} has it since ${since}`
  throw systemError(result, 'ioctl', { option, hint })
}

/** A request that takes something and only sets, as what keeps options for later can keep it too. */
export function optionOfRequest(
  name: string,
  request: IoctlRow & Required<Pick<IoctlRow, 'input'>>,
  remarks: Pick<Row, 'afterListen'> = {},
): Option {
  const { input, about } = request
  const row: Row = { level: 'IPPROTO_TCP', value: input, about, ...remarks }
  const number = request.numbers[platform] ?? Number.NaN
  return optionOf(
    row,
    input.on(platform),
    { name, nativeName: name, level: 0, number },
    (socket, checked) => {
      send(socket, name, request, checked)
    },
  )
}
