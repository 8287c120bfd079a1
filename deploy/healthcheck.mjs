// Asked by the container engine: exit 0 while the API is alive. A database that is down does not make it unhealthy.
const answer = await fetch(`http://127.0.0.1:${process.env.PORT ?? 3000}/health/live`, { signal: AbortSignal.timeout(2_000) })
process.exit(answer.ok ? 0 : 1)
