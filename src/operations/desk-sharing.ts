import { currentContext } from '#platform/context.ts'
import { type Contract, type ContractOf, DeadlineExceeded } from '#platform/contracts.ts'
import { DependencyUnavailable, Overloaded } from '#platform/dependency-errors.ts'
import { isAppError } from '#platform/errors.ts'
import type { Exchange } from '#platform/exchange.ts'
import { ModuleUnavailable } from '#platform/health-routes.ts'
import { Forbidden } from '#platform/http-errors.ts'
import type { ModuleName } from '#platform/module-table.ts'
import { scopeOf } from '#platform/principal.ts'

/** How processes do each other's operations: under the rights of whoever asked, and named by their module when they are away. */

type Calls = Readonly<Record<string, (input: never) => Promise<unknown>>>

/** The operations, for those who hold one of the permissions. */
export function guarded<T extends object>(operations: T, asked: Readonly<Record<keyof T, readonly string[]>>): T {
  const names = Object.keys(asked) as (keyof T & string)[]
  const calls = operations as Calls
  const guard = (name: keyof T & string) => async (input: never) => {
    const { principal } = currentContext()
    const wanted = asked[name]
    if (!wanted.some((permission) => scopeOf(principal, permission) !== undefined)) throw Forbidden({ permission: wanted.join(' or ') })
    return calls[name]?.(input)
  }
  return Object.fromEntries(names.map((name) => [name, guard(name)])) as T
}

/** The operations for this process, offered to the others where they are here. One that is away is named as the API names it. */
export function shared<C extends Contract<ModuleName>>(exchange: Pick<Exchange, 'offer'>, contract: C, own: ContractOf<C> | undefined) {
  const lent = exchange.offer(contract, own, ['platform']).to('platform')
  return own ? lent : unavailableNamed(lent, contract.module)
}

function unavailableNamed<T extends object>(operations: T, module: ModuleName): T {
  const ask = (call: (input: never) => Promise<unknown>) => async (input: never) => {
    try {
      return await call(input)
    } catch (error) {
      throw isAppError(error) && saysItIsAway(error, module) ? ModuleUnavailable({ module }, { cause: error }) : error
    }
  }
  return Object.fromEntries(Object.entries(operations as Calls).map(([name, call]) => [name, ask(call)])) as T
}

function saysItIsAway({ code, details }: { code: string; details: Readonly<Record<string, unknown>> }, module: ModuleName): boolean {
  return code === DeadlineExceeded.code || ([DependencyUnavailable.code, Overloaded.code].includes(code) && details.dependency === module)
}
