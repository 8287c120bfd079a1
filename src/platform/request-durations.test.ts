import { expect, it } from 'vitest'
import { createMetrics } from './metrics.ts'
import { createRequestDurations } from './request-durations.ts'

it('the durations of requests are a Prometheus histogram', async () => {
  const metrics = createMetrics({ process: false })
  const measure = createRequestDurations(metrics)

  for (const ms of [0.5, 2, 40, 20_000]) measure('GET', '/v1/things/{id}', 200, ms)
  measure('POST', '/v1/things', 409, 1)
  const lines = (await metrics.registry.metrics()).split('\n')

  const series = '{le="%",method="GET",route="/v1/things/{id}",status="200"}'
  const bucket = (le: string) =>
    Number(
      lines
        .find((line) => line.startsWith(`http_request_duration_seconds_bucket${series.replace('%', le)} `))
        ?.split(' ')
        .at(-1),
    )
  expect(['0.001', '0.0025', '0.025', '0.05', '10', '+Inf'].map(bucket)).toEqual([1, 2, 2, 3, 3, 4])
  expect(lines).toContain('# TYPE http_request_duration_seconds histogram')
  expect(lines).toContain('http_request_duration_seconds_count{method="GET",route="/v1/things/{id}",status="200"} 4')
  expect(lines).toContain('http_request_duration_seconds_count{method="POST",route="/v1/things",status="409"} 1')
})
