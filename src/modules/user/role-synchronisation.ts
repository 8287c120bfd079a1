import { audit } from '#platform/audit.ts'
import { type BuiltInRole, builtInRoles } from './built-in-roles.ts'
import type { RoleRepository } from './role-repository.ts'
import type { Role } from './schemas.ts'

/** Brings the built-in roles of the database into line with this release. Where nothing differs it reads once and writes nothing. */
export async function synchroniseBuiltInRoles(repository: RoleRepository): Promise<void> {
  const existing = new Map((await repository.readRoleTable()).map((role) => [role.name, role]))
  for (const built of builtInRoles) {
    const current = existing.get(built.name)
    if (current && isSame(current, built)) continue
    // Each role for itself: when another replica was faster with one, there is nothing left to do for that one.
    await repository.inTransaction(async (tx) => {
      const written = current
        ? await repository.updateBuiltInRole(tx, current.version, built)
        : await repository.insertBuiltInRole(tx, built)
      if (!written) return
      const action = current ? 'role.changed' : 'role.created'
      await audit(tx, { action, subject: `role/${built.name}`, after: { permissions: built.permissions } })
    })
  }
}

function isSame(role: Role, built: BuiltInRole): boolean {
  return (
    role.isSystem &&
    role.displayName === built.displayName &&
    role.description === built.description &&
    role.permissions.join() === built.permissions.join()
  )
}
