import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'mysql',
  schema: ['src/platform/tables.ts', 'src/modules/carrier/tables.ts'],
  out: 'drizzle/carrier_service_db/migrations',
})
