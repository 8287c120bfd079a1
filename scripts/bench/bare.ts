/** The yardsticks: what Fastify, and Fastify with mysql2, cost on this machine in this run. A process of its own, as the API is one. */
import Fastify from 'fastify'
import { createPool } from 'mysql2/promise'

const [kind, port, database] = process.argv.slice(2)
const app = Fastify()

if (kind === 'hello') app.get('/hello', async () => ({ hello: 'world' }))
else if (kind === 'mysql' && database !== undefined) {
  const { host, port: databasePort, user, password, schema } = JSON.parse(database)
  const pool = createPool({ host, port: databasePort, user, password, database: schema, connectionLimit: 6, timezone: 'Z' })
  app.get<{ Params: { id: string } }>('/customers/:id', async (request) => {
    const [rows] = await pool.execute('SELECT * FROM customers WHERE id = ?', [Number(request.params.id)])
    return Array.isArray(rows) ? rows[0] : undefined
  })
} else throw new Error(`bare.ts hello|mysql PORT [DATABASE], not ${kind}`)

await app.listen({ port: Number(port), host: '127.0.0.1' })
process.send?.('ready')
