import { tomorrow } from '../../scripts/seed.ts'
import type { Client } from './client.ts'
import { ok } from './stage.ts'

/** What the stories ask for more than once. */

export interface Quote {
  readonly id: number
  readonly status: string
  readonly customerId: number
  readonly rates: readonly {
    readonly serviceCode: string
    readonly total: { readonly amount: string; readonly currency: string }
    readonly lines: readonly { readonly type: string; readonly code: string; readonly amount: { readonly amount: string } }[]
  }[]
  readonly ineligible: readonly object[]
  readonly warnings: readonly object[]
}

export const today = (): string => new Date().toISOString().slice(0, 10)

export const shipment = () => ({
  origin: { country: 'US', postalCode: '10001' },
  destination: { country: 'US', postalCode: '94105', residential: true },
  pieces: [{ weight: { value: '3.2', unit: 'lb' }, dimensions: { length: '10', width: '8', height: '6', unit: 'in' } }],
  shipDate: tomorrow(),
})

/** Puts prices of the service GND in force. */
export async function publishVersion(staff: Client, tariffId: number, breaks: object[], effectiveFrom = today()): Promise<void> {
  const draft = ok(
    await staff.ask(`POST /v1/tariffs/${tariffId}/versions`, {
      body: {
        effectiveFrom,
        weightPolicy: {
          weightUnit: 'lb',
          dimUnit: 'in',
          aggregation: 'per_piece_sum',
          divisor: '139',
          weightRounding: [{ increment: '1', mode: 'up' }],
        },
      },
    }),
  )
  const version = `/v1/tariffs/${tariffId}/versions/${draft.body.number}`
  const tables = [{ service: 'GND', zone: '*', type: 'step', breaks }]
  ok(await staff.ask(`PUT ${version}/rates`, { ifMatch: draft.headers.etag, body: { tables } }))
  ok(await staff.ask(`POST ${version}/publish`, { body: { reason: 'new prices' } }))
}
