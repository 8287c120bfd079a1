/**
 * As much of PromQL as the alert rules use: selectors with a range or an offset, increase(), max and sum by labels, comparison
 * with a number, `unless` and `or`. What it does not know it refuses, so that a rule is never evaluated wrongly.
 */

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** All samples of one target at one moment, in seconds. */
export interface Scrape {
  readonly at: number
  readonly samples: readonly Sample[]
}

export type Vector = readonly Omit<Sample, 'name'>[]

/** Prometheus keeps showing a sample for so long after it was scraped. */
const lookbackSeconds = 300

/** The text that `/metrics` answers. */
export function readSamples(text: string): readonly Sample[] {
  return text.split('\n').flatMap((line) => {
    const [, name, labels = '', value] = /^([a-z_]\w*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined || value === undefined) return []
    const pairs = [...labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, label = '', of = '']) => [label, of] as const)
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value) }]
  })
}

export function metricsIn(expression: string): readonly string[] {
  return [...new Set(tokensOf(expression).filter((token) => /^[a-z]\w*_\w+$/.test(token)))]
}

/** The alerts of the expression at the time of the last scrape. */
export function evaluate(expression: string, scrapes: readonly Scrape[]): Vector {
  const now = scrapes.at(-1)?.at ?? 0
  const tokens = tokensOf(expression)
  const peek = (): string | undefined => tokens[0]
  const refuse = (): never => {
    throw new SyntaxError(`cannot read "${tokens.join(' ')}" in: ${expression}`)
  }
  const next = (wanted?: string): string => {
    if (wanted !== undefined && peek() !== wanted) refuse()
    return tokens.shift() ?? refuse()
  }
  const accept = (wanted: string): boolean => peek() === wanted && tokens.shift() !== undefined

  function anyOf(): Vector {
    let left = allBut()
    while (accept('or')) {
      const [before, more] = [left, allBut()]
      left = [...before, ...more.filter((one) => !before.some((other) => sameLabels(one, other)))]
    }
    return left
  }

  function allBut(): Vector {
    let left = comparison()
    while (accept('unless')) {
      const without = comparison()
      left = left.filter((one) => !without.some((other) => sameLabels(one, other)))
    }
    return left
  }

  function comparison(): Vector {
    const left = term()
    if (!accept('>')) return left
    const limit = Number(next())
    return Number.isFinite(limit) ? left.filter(({ value }) => value > limit) : refuse()
  }

  function term(): Vector {
    const word = next()
    if (word === '(') return inBrackets(anyOf)
    if (word === 'max' || word === 'sum') return aggregate(word)
    if (word === 'increase') {
      next('(')
      return inBrackets(() => increase(next(), seconds(range())))
    }
    if (!/^[a-z]\w*_\w+$/.test(word)) refuse()
    return instant(word, accept('offset') ? now - seconds(next()) : now)
  }

  function inBrackets(inner: () => Vector): Vector {
    const result = inner()
    next(')')
    return result
  }

  function range(): string {
    next('[')
    const duration = next()
    next(']')
    return duration
  }

  function aggregate(how: 'max' | 'sum'): Vector {
    next('by')
    next('(')
    const by = [next()]
    while (accept(',')) by.push(next())
    next(')')
    next('(')
    const groups = Map.groupBy(inBrackets(anyOf), ({ labels }) => JSON.stringify(by.map((label) => [label, labels[label] ?? ''])))
    return [...groups].map(([key, members]) => {
      const values = members.map(({ value }) => value)
      return { labels: Object.fromEntries(JSON.parse(key)), value: how === 'max' ? Math.max(...values) : values.reduce((a, b) => a + b, 0) }
    })
  }

  function instant(name: string, at: number): Vector {
    const scrape = scrapes.findLast((one) => one.at <= at && one.at > at - lookbackSeconds)
    return scrape?.samples.filter((sample) => sample.name === name) ?? []
  }

  /** Between the first and the last sample in the time, without the extrapolation, which never turns 0 into something. */
  function increase(name: string, within: number): Vector {
    const samples = scrapes.filter(({ at }) => at > now - within).flatMap((scrape) => scrape.samples.filter((one) => one.name === name))
    return [...Map.groupBy(samples, ({ labels }) => JSON.stringify(labels))].flatMap(([key, of]) => {
      if (of.length < 2) return []
      const rises = of.slice(1).map(({ value }, index) => (value < (of[index]?.value ?? 0) ? value : value - (of[index]?.value ?? 0)))
      return [{ labels: JSON.parse(key), value: rises.reduce((a, b) => a + b, 0) }]
    })
  }

  const result = anyOf()
  if (tokens.length > 0) refuse()
  return result
}

/** `1m`, `30s`, `0s`. */
export function seconds(duration: string): number {
  const [, count, unit] = /^(\d+)([smh])$/.exec(duration) ?? []
  if (count === undefined || unit === undefined) throw new SyntaxError(`${duration} is no duration`)
  return Number(count) * (unit === 's' ? 1 : unit === 'm' ? 60 : 3_600)
}

const tokensOf = (expression: string): string[] => expression.match(/\d+[smh]|\d+(?:\.\d+)?|\w+|\S/g) ?? []

const sameLabels = (one: { labels: object }, other: { labels: object }): boolean =>
  JSON.stringify(Object.entries(one.labels).sort()) === JSON.stringify(Object.entries(other.labels).sort())
