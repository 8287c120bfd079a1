import { defineConfig } from 'drizzle-kit'

export default defineConfig({
  dialect: 'mysql',
  schema: ['src/platform/tables.ts', 'src/modules/auth/tables.ts', 'src/modules/user/tables.ts'],
  out: 'drizzle/shared_user_db/migrations',
})
