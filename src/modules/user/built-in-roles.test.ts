import { expect, test } from 'vitest'
import { permissionMap } from '#platform/principal.ts'
import { builtInRoles, permissionMatrix, scopesOf } from './built-in-roles.ts'

const columns = ['ops', 'customer', 'carrier_owner', 'auditor'] as const

/** Written a second time, by hand and by resource, so that a slip in the matrix shows here. `admin` holds everything. */
const expected = `
user:read                       any own own any
user:update                     own own own own
user:create,deactivate,anonymise  -   -   -   -
user:suspend                    any   -   -   -
login:unlock                    any   -   -   -
role:read                       any   -   - any
role:write,grant                  -   -   -   -
session:read,revoke             own own own own
api_key:read,create,revoke      own own own own
signing_key:read,rotate           -   -   -   -
audit:read                      any   -   - any
event:read                      any   -   - any
ops:read                        any   -   - any
event:replay                      -   -   -   -
ops:write                         -   -   -   -
customer:read                   any own   - any
customer:update                 any own   -   -
customer:create,activate,suspend,hold any - - -
customer:close,credit             -   -   -   -
customer_group:read             any   -   - any
customer_group:write            any   -   -   -
carrier:browse                  any any any any
carrier:read                    any   - own any
carrier:create,operate          any   - own   -
carrier:update,submit             -   - own   -
carrier:review,suspend          any   -   -   -
carrier:retire,transfer           -   -   -   -
tariff:read                     any   -   - any
tariff:draft,publish,withdraw   any   -   -   -
tariff:backdate,force             -   -   -   -
pricing_rule:read               any   -   - any
pricing_rule:write              any   -   -   -
index_table:read                any   -   - any
index_table:write               any   -   -   -
fx_rate:read                    any   -   - any
fx_rate:write                   any   -   -   -
quote:read                      any own   - any
quote:create,accept,cancel      any own   -   -
quote:reprice                   any   -   -   -
quote_batch:read                any own   - any
quote_batch:create,cancel       any own   -   -
import:read                     any   -   - any
import:create,commit            any   -   -   -
simulation:read                 any   -   - any
simulation:run                  any   -   -   -
`
const rows = expected
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [names = '', ...cells] = line.split(/\s+/)
    const [resource, actions = ''] = names.split(':')
    return actions.split(',').map((action) => [`${resource}:${action}`, cells] as const)
  })

test.each(rows)('%s is held as %j', (permission, cells) => {
  const grants = permissionMatrix[permission]

  expect(columns.map((role) => grants?.[role] ?? '-')).toEqual(cells)
})

test('there is no permission besides these', () => {
  expect(Object.keys(permissionMatrix).sort()).toEqual(rows.map(([permission]) => permission).sort())
})

test('every permission of a role says resource, action and scope, and everything is for admin alone', () => {
  for (const { name, permissions } of builtInRoles) {
    if (name === 'admin') expect(permissions).toEqual(['*:*:any'])
    else for (const permission of permissions) expect(permission).toMatch(/^[a-z_]+:[a-z_]+:(own|any)$/)
  }
})

test('any includes own, and only what can be owned has the scope own', () => {
  expect(permissionMap(['customer:read:own', 'customer:read:any'])).toEqual({ 'customer:read': 'any' })
  expect(scopesOf('customer:read')).toEqual(['own', 'any'])
  expect(scopesOf('tariff:read')).toEqual(['any'])
})
