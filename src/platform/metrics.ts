import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus metrics. Served on the internal listener only. */
export interface Metrics {
  readonly registry: Registry
  /** With `read` it is counted elsewhere, and asked for when somebody scrapes. */
  counter<L extends string>(name: string, help: string, labels?: readonly L[], read?: (counter: Counter<L>) => void): Counter<L>
  histogram<L extends string>(name: string, help: string, labels?: readonly L[], buckets?: readonly number[]): Histogram<L>
  /** A value that goes up and down; with `read` it is asked for when somebody scrapes. */
  gauge<L extends string>(name: string, help: string, labels?: readonly L[], read?: (gauge: Gauge<L>) => void | Promise<void>): Gauge<L>
}

/** Seconds; finer below 50 ms, because that is where the service lives. */
export const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** Milliseconds between two looks at how late the event loop is. The default of 10 is a third of what an idle process costs. */
const eventLoopMonitoringPrecision = 100

export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.process ?? true) collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision })
  return {
    registry,
    counter: (name, help, labels = [], read) =>
      new Counter({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(read && {
          collect() {
            this.reset()
            read(this)
          },
        }),
      }),
    histogram: (name, help, labels = [], buckets = durationBuckets) =>
      new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] }),
    gauge: (name, help, labels = [], read) =>
      new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(read && {
          async collect() {
            await read(this)
          },
        }),
      }),
  }
}
