import { randomUUID } from 'node:crypto'
import type { Static, TSchema } from 'typebox'
import { coercingAjv } from '#platform/validation.ts'
import type { App } from '../../src/app.ts'
import { loadConfig } from '../../src/platform/config.ts'
import { runInContext } from '../../src/platform/context.ts'
import { createLog } from '../../src/platform/logging.ts'
import { system } from '../../src/platform/principal.ts'
import { loadSettings } from '../settings.ts'

/** A mistake of whoever typed the command. */
export class UsageError extends Error {}

/**
 * The app without listeners and without deliveries, for one command. It acts as the system: whoever holds the settings of the
 * installation may do this anyhow. Processes that run hear of it through Redis, else at their next look.
 */
export async function withApp<R>(work: (app: App) => Promise<R>): Promise<R> {
  loadSettings()
  // Only here: help and refusals of a command come without it, and at once.
  const { createApp } = await import('../../src/app.ts')
  const app = await createApp({ config: loadConfig(), log: createLog({ logLevel: 'silent' }) })
  try {
    return await runInContext({ requestId: `cli-${randomUUID()}`, principal: system }, () => work(app))
  } finally {
    await app.http.app.close()
    await app.close()
  }
}

/** Options as the same schema takes them over HTTP, with its defaults. */
export function checked<S extends TSchema>(schema: S, options: Readonly<Record<string, unknown>>): Static<S> {
  const value = Object.fromEntries(Object.entries(options).filter(([, each]) => each !== undefined))
  const validate = coercingAjv.compile<Static<S>>(schema)
  if (validate(value)) return value
  const faults = (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `--${dashed(String(params.additionalProperty ?? instancePath.slice(1)))}: ${message}`,
  )
  throw new UsageError(faults.join('\n'))
}

const dashed = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** An instant, or how long ago: `2026-03-29T02:30:00Z`, `15m`, `2h`, `7d`. */
export function instantOf(text: string): string {
  const ago = /^(\d{1,6})([smhd])$/.exec(text)
  const time = ago ? Date.now() - Number(ago[1]) * (units[ago[2] ?? ''] ?? 0) * 1_000 : Date.parse(text)
  if (Number.isNaN(time)) throw new UsageError(`${text} is neither an instant like 2026-03-29T02:30:00Z nor a time ago like 15m, 2h or 7d`)
  return new Date(time).toISOString()
}
