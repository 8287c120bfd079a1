/**
 * The roles every installation has, as data. `administrator` of everything is the role `admin`; each line below says what the
 * others may, and in which scope. What stands on no line is for `admin` alone. Edited here, never through the API: at boot the
 * table `roles` is brought into line with this file.
 */

export type GrantScope = 'own' | 'any'
type Staff = 'ops' | 'auditor'
type Outside = 'customer' | 'carrier_owner'
export type Grants = Partial<Record<Staff | Outside, GrantScope>>

/** `resource:action` → who holds it besides `admin`. Every permission of the system is a key here. */
export const permissionMatrix: Readonly<Record<string, Grants>> = {
  'user:read': { ops: 'any', customer: 'own', carrier_owner: 'own', auditor: 'any' },
  'user:update': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'user:create': {},
  'user:suspend': { ops: 'any' },
  'user:deactivate': {},
  'user:anonymise': {},
  'login:unlock': { ops: 'any' },
  'role:read': { ops: 'any', auditor: 'any' },
  'role:write': {},
  'role:grant': {},

  'session:read': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'session:revoke': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'api_key:read': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'api_key:create': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'api_key:revoke': { ops: 'own', customer: 'own', carrier_owner: 'own', auditor: 'own' },
  'signing_key:read': {},
  'signing_key:rotate': {},

  'audit:read': { ops: 'any', auditor: 'any' },
  'event:read': { ops: 'any', auditor: 'any' },
  'event:replay': {},
  'ops:read': { ops: 'any', auditor: 'any' },
  'ops:write': {},

  'customer:read': { ops: 'any', customer: 'own', auditor: 'any' },
  'customer:update': { ops: 'any', customer: 'own' },
  'customer:create': { ops: 'any' },
  'customer:activate': { ops: 'any' },
  'customer:suspend': { ops: 'any' },
  'customer:hold': { ops: 'any' },
  'customer:close': {},
  'customer:credit': {},
  'customer_group:read': { ops: 'any', auditor: 'any' },
  'customer_group:write': { ops: 'any' },

  'carrier:browse': { ops: 'any', customer: 'any', carrier_owner: 'any', auditor: 'any' },
  'carrier:read': { ops: 'any', carrier_owner: 'own', auditor: 'any' },
  'carrier:create': { ops: 'any', carrier_owner: 'own' },
  'carrier:operate': { ops: 'any', carrier_owner: 'own' },
  'carrier:update': { carrier_owner: 'own' },
  'carrier:submit': { carrier_owner: 'own' },
  'carrier:review': { ops: 'any' },
  'carrier:suspend': { ops: 'any' },
  'carrier:retire': {},
  'carrier:transfer': {},

  'tariff:read': { ops: 'any', auditor: 'any' },
  'tariff:draft': { ops: 'any' },
  'tariff:publish': { ops: 'any' },
  'tariff:withdraw': { ops: 'any' },
  'tariff:backdate': {},
  'tariff:force': {},
  'pricing_rule:read': { ops: 'any', auditor: 'any' },
  'pricing_rule:write': { ops: 'any' },
  'index_table:read': { ops: 'any', auditor: 'any' },
  'index_table:write': { ops: 'any' },
  'fx_rate:read': { ops: 'any', auditor: 'any' },
  'fx_rate:write': { ops: 'any' },

  'quote:read': { ops: 'any', customer: 'own', auditor: 'any' },
  'quote:create': { ops: 'any', customer: 'own' },
  'quote:accept': { ops: 'any', customer: 'own' },
  'quote:cancel': { ops: 'any', customer: 'own' },
  'quote:reprice': { ops: 'any' },
  'quote_batch:read': { ops: 'any', customer: 'own', auditor: 'any' },
  'quote_batch:create': { ops: 'any', customer: 'own' },
  'quote_batch:cancel': { ops: 'any', customer: 'own' },
  'import:read': { ops: 'any', auditor: 'any' },
  'import:create': { ops: 'any' },
  'import:commit': { ops: 'any' },
  'simulation:read': { ops: 'any', auditor: 'any' },
  'simulation:run': { ops: 'any' },
}

export interface BuiltInRole {
  readonly name: string
  readonly displayName: string
  readonly description: string
  readonly permissions: readonly string[]
}

const holder = (role: keyof Grants): string[] =>
  Object.entries(permissionMatrix).flatMap(([permission, grants]) => (grants[role] ? [`${permission}:${grants[role]}`] : []))

export const builtInRoles: readonly BuiltInRole[] = [
  {
    name: 'admin',
    displayName: 'Administrator',
    description: 'May do everything, grant every role and change the rules.',
    permissions: ['*:*:any'],
  },
  {
    name: 'ops',
    displayName: 'Operations',
    description: 'Runs the business: customers, carrier reviews, tariffs, quotes.',
    permissions: holder('ops'),
  },
  {
    name: 'customer',
    displayName: 'Customer',
    description: 'Sees and keeps their own profile, asks for quotes and accepts them.',
    permissions: holder('customer'),
  },
  {
    name: 'carrier_owner',
    displayName: 'Carrier owner',
    description: 'Keeps their own carriers and services.',
    permissions: holder('carrier_owner'),
  },
  {
    name: 'auditor',
    displayName: 'Auditor',
    description: 'Reads everything, changes nothing but their own account.',
    permissions: holder('auditor'),
  },
]

/** The scopes in which a permission can be held. */
export const scopesOf = (permission: string): GrantScope[] =>
  Object.values(permissionMatrix[permission] ?? {}).includes('own') ? ['own', 'any'] : ['any']
