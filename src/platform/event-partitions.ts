import { crc32 } from 'node:zlib'

/** Number of partitions of a source, fixed when its database is created. */
export const partitions = 8

export const partitionOf = (subject: string): number => crc32(subject) % partitions
