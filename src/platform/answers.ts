import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Type, { type TSchema } from 'typebox'
import type { DatabaseName } from './config.ts'
import type { ErrorType } from './errors.ts'
import type { Principal } from './principal.ts'
import { Problem } from './problems.ts'
import type { RequestLife } from './request-life.ts'
import { Id } from './schemas.ts'

/** The words in which a route describes itself: path, access, answer. */

/** Who may call a route. A permission is `resource:action`; its scope ("my own") goes down to the repository. */
export type Access = 'public' | 'authenticated' | { readonly permission: string } | { readonly anyOf: readonly string[] }

/** How a success leaves when it is not simply 200. */
export interface Answer {
  readonly status: 201 | 202
  /** Undefined: nothing came to be this time, and the answer is a plain 200. */
  readonly location: (resource: unknown) => string | undefined
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call. A route without it does not boot. */
    access: Access
    /** For POST: default `optional` when `database` is set, else `none`. */
    idempotency?: 'optional' | 'required' | 'none'
    /** Ask for the caller's rights at the database, not at a cache. */
    fresh?: boolean
    /** For people only: API keys are refused. */
    interactive?: boolean
    /** Who may not call sees 404, not 403. */
    hidden?: boolean
    /** Served however much there is to do: what must work under overload, and costs little. */
    essential?: boolean
    /** What the route throws besides what the platform throws for it; stands in the API document. */
    errors?: readonly ErrorType<never>[]
    /** If-Match: `required` is 428 without it, `when-sent` hands it on when it is there. */
    versioned?: 'required' | 'when-sent'
    answer?: Answer
    /** The module that owns the route; set by the composition root through the plugin's registration. */
    owner?: string
    /**
     * The database whose transaction keeps the record of an Idempotency-Key. Several when only the request tells where it
     * writes: all are asked for the key, and the one that is written to keeps it.
     */
    database?: DatabaseName | readonly DatabaseName[]
    /** Media type of the success when it is not JSON; the handler returns the text. */
    produces?: string
  }
  interface FastifySchema {
    operationId?: string
    summary?: string
    description?: string
    tags?: readonly string[]
  }
  interface FastifyRequest {
    principal: Principal
    /** Version from If-Match; undefined when it was not sent. */
    expectedVersion: number | undefined
    /** The request's time in the house; the platform's own. */
    life: RequestLife
  }
}

/** A module's plugin: its routes, typed by their TypeBox schemas. */
export type ModuleRoutes = FastifyPluginAsyncTypebox

/** The answers of a route: its successes as given, problems for the rest. */
export function answers<const T extends Readonly<Record<number, TSchema>>>(
  successes: T,
): T & { '4xx': typeof Problem; '5xx': typeof Problem } {
  return { ...successes, '4xx': Problem, '5xx': Problem }
}

/** 204: `answers({ 204: NoContent })`, and the handler returns undefined. */
export const NoContent = Type.Null({ description: 'Done, nothing to say' })

/** 201 with the made thing and its address. */
export const created = <T>(location: (resource: T) => string): Answer => ({ status: 201, location: location as Answer['location'] })

/** 202 with the job and its address; 200 without one. */
export const accepted = <T>(location: (job: T) => string | undefined): Answer => ({ status: 202, location: location as Answer['location'] })

export const IdParams = Type.Object({ id: Id }, { additionalProperties: false })

// Decimals from 1 to 2147483647 without leading zeros, so that no two addresses mean the same row and none is out of range.
const idPattern =
  '(^(?:[1-9]\\d{0,8}|1\\d{9}|20\\d{8}|21[0-3]\\d{7}|214[0-6]\\d{6}|2147[0-3]\\d{5}|21474[0-7]\\d{4}|214748[0-2]\\d{3}|2147483[0-5]\\d{2}|21474836[0-3]\\d|214748364[0-7])$)'

/** The path with every parameter named `id` or ending in `Id` bound to ids: what is none does not exist. */
export const idPath = (path: string): string => path.replace(/:(id|[a-z][A-Za-z]*Id)(?![A-Za-z(])/g, `:$1${idPattern}`)

/** The path as documents and metrics write it: `/v1/customers/{id}`. */
export const documentPath = (path: string): string => path.replaceAll(idPattern, '').replace(/:([A-Za-z]+)(\([^/]*\))?/g, '{$1}')
