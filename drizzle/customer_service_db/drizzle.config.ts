import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'mysql',
  schema: ['src/platform/tables.ts', 'src/modules/customer/tables.ts'],
  out: 'drizzle/customer_service_db/migrations',
})
