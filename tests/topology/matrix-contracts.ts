import { loadConfig } from '#platform/config.ts'
import { DeadlineExceeded } from '#platform/contracts.ts'
import { isAppError } from '#platform/errors.ts'
import { createExchange, type Exchange } from '#platform/exchange.ts'
import { createMetrics } from '#platform/metrics.ts'
import { isModuleName, type ModuleName } from '#platform/module-table.ts'
import { testEnvironment } from '#support/environment.ts'
import { memoryLog } from '#support/http.ts'
import type { App } from '../../src/app.ts'
import { carrierContract } from '../../src/modules/carrier/index.ts'
import { customerContract } from '../../src/modules/customer/index.ts'
import { userContract } from '../../src/modules/user/index.ts'
import { type Exchange as NotedExchange, whileBusy } from '../acceptance/client.ts'
import type { Contracts } from '../acceptance/neighbour.ts'
import type { SplitLayout, SplitSystem } from './split-system.ts'

/** Contracts of a system, as its neighbours get them. */

/** Of a system in this process: what its own modules were lent. */
export const contractsIn = ({ contracts: { user, customer, carrier } }: Pick<App, 'contracts'>): Contracts => ({
  user: user.to('customer'),
  customer: customer.to('pricing'),
  carrier: carrier.to('pricing'),
})

/** Of a system in several: with the keys of the process that hosts the neighbour, over the listeners of the others. */
export function contractsBetween(split: SplitSystem, layout: SplitLayout): { contracts: Contracts; close(): Promise<void> } {
  const exchanges = new Map<string, Exchange>()
  function exchangeOf(caller: ModuleName): Exchange {
    const name = Object.keys(layout).find((each) => layout[each]?.includes(caller)) ?? ''
    const settings = split.settingsOf(name)
    const environment = testEnvironment(split.databases, '/nowhere', settings.MODULES?.split(',').filter(isModuleName))
    const known = exchanges.get(name)
    if (known) return known
    const config = loadConfig({ ...environment, ...settings })
    const exchange = createExchange({ config, metrics: createMetrics({ process: false }), log: memoryLog() })
    exchanges.set(name, exchange)
    return exchange
  }
  return {
    contracts: {
      user: exchangeOf('customer').offer(userContract, undefined).to('customer'),
      customer: exchangeOf('pricing').offer(customerContract, undefined).to('pricing'),
      carrier: exchangeOf('pricing').offer(carrierContract, undefined).to('pricing'),
    },
    close: async () => {
      await Promise.all([...exchanges.values()].map((exchange) => exchange.close()))
    },
  }
}

interface Outcome {
  answer?: unknown
  error?: unknown
}
const answered = (answer: unknown): Outcome => ({ answer })
const failed = (error: unknown): Outcome => ({ error })

/** The same, with every answer and every error noted on the way. */
export function noted(contracts: Contracts, note: (exchange: NotedExchange) => void): Contracts {
  const listening = <C extends object>(module: string, contract: C): C =>
    Object.fromEntries(
      Object.entries(contract).map(([operation, call]: [string, (input: unknown) => Promise<unknown>]) => [
        operation,
        async (input: unknown) => {
          const exchange: NotedExchange = { asked: `${module}.${operation} ${JSON.stringify(input)}` }
          note(exchange)
          // All of them are questions, which may be asked again.
          const outcome = await whileBusy(
            () => call(input).then(answered, failed),
            ({ error }) => isAppError(error) && error.code === DeadlineExceeded.code,
          )
          if (isAppError(outcome.error)) exchange.reply = { status: outcome.error.status, headers: {}, text: JSON.stringify(outcome.error) }
          if ('error' in outcome) throw outcome.error
          exchange.reply = { status: 200, headers: {}, text: JSON.stringify(outcome.answer) ?? 'undefined' }
          return outcome.answer
        },
      ]),
    ) as C
  return {
    user: listening('user', contracts.user),
    customer: listening('customer', contracts.customer),
    carrier: listening('carrier', contracts.carrier),
  }
}
