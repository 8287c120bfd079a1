import { durationBuckets, type Metrics } from './metrics.ts'

/**
 * The histogram of all requests. The library sorts and hashes the labels of every observation, which costs more than the whole
 * admission of a request; there are few series, so each keeps its own counters and the library only reads them.
 */
export type MeasureRequest = (method: string, route: string, status: number, ms: number) => void

interface Series {
  labels: { method: string; route: string; status: number }
  /** Observations per bucket, the last for those beyond all. */
  counts: number[]
  sum: number
}

const name = 'http_request_duration_seconds'

export function createRequestDurations(metrics: Metrics): MeasureRequest {
  const all = new Map<string, Series>()
  const histogram = metrics.histogram(name, 'Time from the headers of a request to the end of its answer', ['method', 'route', 'status'])
  const read = async () => ({
    name,
    help: 'Time from the headers of a request to the end of its answer',
    type: 'histogram',
    aggregator: 'sum',
    values: [...all.values()].flatMap(exported),
  })
  Object.assign(histogram, { get: read, getForPromString: read })

  return (method, route, status, ms) => {
    const key = `${method} ${status} ${route}`
    let series = all.get(key)
    if (series === undefined) {
      series = { labels: { method, route, status }, counts: new Array<number>(durationBuckets.length + 1).fill(0), sum: 0 }
      all.set(key, series)
    }
    const seconds = ms / 1_000
    let bucket = 0
    while (bucket < durationBuckets.length && seconds > (durationBuckets[bucket] ?? 0)) bucket += 1
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
    series.sum += seconds
  }
}

function exported({ labels, counts, sum }: Series) {
  let total = 0
  const buckets = counts.map((count, index) => {
    total += count
    return { metricName: `${name}_bucket`, labels: { le: durationBuckets[index] ?? '+Inf', ...labels }, value: total }
  })
  return [...buckets, { metricName: `${name}_sum`, labels, value: sum }, { metricName: `${name}_count`, labels, value: total }]
}
