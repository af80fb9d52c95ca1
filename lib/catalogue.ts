/** The tables as callers may read them. */
import { type IoctlRow, ioctlTable } from './ioctls.js'
import type { IoctlName } from './ioctl.js'
import type { OptionName } from './option-types.js'
import { type LevelName, type Row, table } from './options.js'
import { type Platform, platform, platforms } from './platform.js'
import { spelling } from './resolve.js'

/** One option, described. */
export interface OptionInfo {
  readonly name: string
  readonly level: LevelName
  /** Its number on this system; undefined where it has none. */
  readonly number: number | undefined
  /** What a value counts or consists of. */
  readonly unit: string
  readonly access: 'get' | 'set' | 'both'
  readonly platforms: readonly Platform[]
  /** What it is. */
  readonly about: string
  /** When it may be set, if not at any time. */
  readonly when?: string
  /** The privilege it needs. */
  readonly needs?: string
  /** The first version of each system that has it, if that is known and late. */
  readonly since?: Partial<Record<Platform, string>>
  /** What is easily got wrong about it. */
  readonly note?: string
}

/** One ioctl request, described. */
export interface IoctlInfo {
  readonly name: string
  /** Its number on this system; undefined where it has none. */
  readonly number: number | undefined
  /** What it takes: what the number counts, or what the value consists of; undefined for nothing. */
  readonly input: string | undefined
  /** What it answers; undefined for a request that only sets. */
  readonly unit: string | undefined
  readonly platforms: readonly Platform[]
  /** What it is. */
  readonly about: string
  /** When it may be used, if not at any time. */
  readonly when?: string
  /** The privilege it needs. */
  readonly needs?: string
  /** The first version of each system that has it, where that is known. */
  readonly since?: Partial<Record<Platform, string>>
  /** What is easily got wrong about it. */
  readonly note?: string
}

/** The remarks of a row that has them. */
function remarksOf({ when, needs, since, note }: Pick<Row, 'when' | 'needs' | 'since' | 'note'>) {
  return {
    ...(when !== undefined && { when }),
    ...(needs !== undefined && { needs }),
    ...(since !== undefined && { since }),
    ...(note !== undefined && { note }),
  }
}

function describeOption([name, row]: [string, Row]): [string, OptionInfo] {
  const { level, value, access = 'both', about } = row
  const cell = row[platform]
  const info: OptionInfo = {
    name,
    level: row.levels?.[platform] ?? level,
    number: cell === undefined ? undefined : spelling(name, cell).number,
    unit: value.unit,
    access,
    platforms: platforms.filter((system) => row[system] !== undefined),
    about,
    ...remarksOf(row),
  }
  return [name, Object.freeze(info)]
}

function describeIoctl([name, row]: [string, IoctlRow]): [string, IoctlInfo] {
  const { numbers, input, value, about } = row
  const info: IoctlInfo = {
    name,
    number: numbers[platform],
    input: input?.unit,
    unit: value?.unit,
    platforms: platforms.filter((system) => numbers[system] !== undefined),
    about,
    ...remarksOf(row),
  }
  return [name, Object.freeze(info)]
}

/**
 * Every option that net-sockopt knows, on any system, by its name: level, number here, unit, access,
 * platforms, meaning.
 *
 * @example
 * import { options } from 'net-sockopt'
 *
 * console.log(options.TCP_USER_TIMEOUT.unit) // 'milliseconds'
 */
export const options = Object.freeze(
  Object.fromEntries(Object.entries<Row>(table).map(describeOption)),
) as Readonly<Record<OptionName, OptionInfo>>

/**
 * Every named ioctl request, by its name.
 *
 * @example
 * import { ioctls } from 'net-sockopt'
 *
 * console.log(ioctls.SIOCOUTQ.about)
 */
export const ioctls = Object.freeze(
  Object.fromEntries(Object.entries<IoctlRow>(ioctlTable).map(describeIoctl)),
) as Readonly<Record<IoctlName, IoctlInfo>>
