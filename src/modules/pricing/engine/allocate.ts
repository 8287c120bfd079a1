import { type Exact, exact, sum } from './decimal.ts'
import type { Minor } from './money.ts'
import { EngineRefusal } from './refusal.ts'

/** Splits a total by weights, in whole minor units that sum to it: floors first, then one unit each to the largest remainders, ties to the earlier. */
export function allocate(total: Minor, weights: readonly Exact[]): Minor[] {
  const whole = sum(weights)
  if (whole.n === 0n) throw new EngineRefusal('ALLOCATION_IMPOSSIBLE')
  const sign = total < 0n ? -1n : 1n
  const magnitude = total * sign
  const shares = weights.map((weight, index) => {
    const ideal = exact(magnitude).mul(weight).div(whole)
    const floor = ideal.n / ideal.d
    return { index, floor, rest: ideal.sub(exact(floor)) }
  })
  const missing = magnitude - shares.reduce((given, { floor }) => given + floor, 0n)
  const luckiest = [...shares].sort((a, b) => b.rest.compare(a.rest) || a.index - b.index).filter((_, place) => BigInt(place) < missing)
  const lucky = new Set(luckiest.map(({ index }) => index))
  return shares.map(({ index, floor }) => sign * (floor + (lucky.has(index) ? 1n : 0n)))
}
