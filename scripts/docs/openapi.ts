import { createApp } from '../../src/app.ts'
import { loadConfig } from '../../src/platform/config.ts'
import { createLog } from '../../src/platform/logging.ts'

/** The API document as the process serves it; made without a database, because connections open with the first statement. */
export async function openApiDocument(): Promise<string> {
  const config = loadConfig({
    NODE_ENV: 'test',
    LOG_LEVEL: 'silent',
    AUTH_SECRET: 'only-for-the-document-nothing-is-sealed-with-it',
    ...Object.fromEntries(
      ['SHARED_DB', 'CUSTOMER_DB', 'CARRIER_DB', 'PRICING_DB', 'REDIS'].map((prefix) => [`${prefix}_HOST`, '127.0.0.1']),
    ),
  })
  const app = await createApp({ config, log: createLog(config) })
  try {
    const answer = await app.http.app.inject('/openapi.json')
    return `${JSON.stringify(answer.json(), null, 2)}\n`
  } finally {
    await app.http.app.close()
    await app.close()
  }
}
