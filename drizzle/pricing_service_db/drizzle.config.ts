import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'mysql',
  schema: ['src/platform/tables.ts', 'src/modules/pricing/tables.ts'],
  out: 'drizzle/pricing_service_db/migrations',
})
