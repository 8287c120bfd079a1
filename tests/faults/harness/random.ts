/** Chance that can be repeated: the same seed makes the same choices. The order in which processes run is not among them. */
export interface Random {
  readonly seed: number
  /** At least 0, below 1. */
  next(): number
  /** A whole number below `limit`. */
  below(limit: number): number
  between(low: number, high: number): number
  chance(share: number): boolean
  pick<T>(choices: readonly T[]): T
  /** The seed of somebody else's chance. */
  seedOfAnother(): number
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  // Mulberry32: 32 bits of state are plenty for choosing victims.
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    seed,
    next,
    below: (limit) => Math.floor(next() * limit),
    between: (low, high) => low + next() * (high - low),
    chance: (share) => next() < share,
    pick(choices) {
      const chosen = choices[Math.floor(next() * choices.length)]
      if (chosen === undefined) throw new TypeError('nothing to choose from')
      return chosen
    },
    seedOfAnother: () => Math.floor(next() * 2 ** 32),
  }
}

export const anySeed = (): number => Math.floor(Math.random() * 2 ** 31)
