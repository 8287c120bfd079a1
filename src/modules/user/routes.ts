import Type from 'typebox'
import { answers, IdParams, idPath, type ModuleRoutes } from '#platform/http.ts'
import { InvalidTransition, ReasonRequired, VersionMismatch } from '#platform/http-errors.ts'
import { Page } from '#platform/schemas.ts'
import { scopesOf } from './built-in-roles.ts'
import { User } from './contract.ts'
import { LastAdmin, PrivilegeEscalation, RoleNotFound, RoleReferenceNotFound, RoleRepeated, UserNotFound } from './errors.ts'
import { GrantSet, HeldRoles, Permission, Role, RoleListQuery, StateChangeBody, UserListQuery, UserPatch } from './schemas.ts'
import type { UserService } from './service.ts'

/** Where a permission is asked for, as the route declarations say it. */
export interface PermissionUse {
  readonly permission: string
  readonly routes: readonly string[]
}

export interface UserRoutesNeeds {
  service: UserService
  permissions: () => readonly PermissionUse[]
}

const database = 'shared_user_db'
const bodyLimit = 65_536

export const userRoutes =
  ({ service, permissions }: UserRoutesNeeds): ModuleRoutes =>
  async (app) => {
    app.get(
      '/v1/users',
      {
        schema: {
          operationId: 'listUsers',
          summary: 'List users',
          tags: ['user'],
          querystring: UserListQuery,
          response: answers({ 200: Page(User) }),
        },
        config: { access: { permission: 'user:read' } },
      },
      async (request) => service.listUsers(request.query, request.principal),
    )

    app.get(
      idPath('/v1/users/:id'),
      {
        schema: { operationId: 'getUser', summary: 'Read a user', tags: ['user'], params: IdParams, response: answers({ 200: User }) },
        config: { access: { permission: 'user:read' }, errors: [UserNotFound] },
      },
      async (request) => service.requireUser({ id: request.params.id }, request.principal),
    )

    app.patch(
      idPath('/v1/users/:id'),
      {
        schema: {
          operationId: 'updateUser',
          summary: 'Change names, language or time zone',
          tags: ['user'],
          params: IdParams,
          body: UserPatch,
          response: answers({ 200: User }),
        },
        config: { access: { permission: 'user:update' }, versioned: 'required', errors: [UserNotFound], database },
        bodyLimit,
      },
      async (request) =>
        service.updateUser({ id: request.params.id, patch: request.body, expectedVersion: request.expectedVersion }, request.principal),
    )

    const actions = [
      { action: 'suspend', permission: 'user:suspend', summary: 'Keep a user out until reactivated', run: service.suspendUser },
      { action: 'reactivate', permission: 'user:suspend', summary: 'Let a user in again', run: service.reactivateUser },
      {
        action: 'deactivate',
        permission: 'user:deactivate',
        summary: 'Close the account of somebody who leaves',
        run: service.deactivateUser,
      },
    ] as const
    for (const { action, permission, summary, run } of actions) {
      app.post(
        idPath(`/v1/users/:id/${action}`),
        {
          schema: {
            operationId: `${action}User`,
            summary,
            tags: ['user'],
            params: IdParams,
            body: StateChangeBody,
            response: answers({ 200: User }),
          },
          config: {
            access: { permission },
            fresh: true,
            versioned: 'when-sent',
            errors: [UserNotFound, InvalidTransition, ReasonRequired, LastAdmin, PrivilegeEscalation, VersionMismatch],
            database,
          },
          bodyLimit,
        },
        async (request) =>
          run({ id: request.params.id, reason: request.body.reason, expectedVersion: request.expectedVersion }, request.principal),
      )
    }

    app.get(
      idPath('/v1/users/:id/roles'),
      {
        schema: {
          operationId: 'listUserRoles',
          summary: 'List the roles of a user',
          tags: ['user'],
          params: IdParams,
          response: answers({ 200: HeldRoles }),
        },
        config: { access: { permission: 'user:read' }, errors: [UserNotFound] },
      },
      async (request) => service.listGrants({ id: request.params.id }, request.principal),
    )

    app.put(
      idPath('/v1/users/:id/roles'),
      {
        schema: {
          operationId: 'setUserRoles',
          summary: 'Set the roles of a user',
          tags: ['user'],
          params: IdParams,
          body: GrantSet,
          response: answers({ 200: HeldRoles }),
        },
        config: {
          access: { permission: 'role:grant' },
          fresh: true,
          versioned: 'required',
          errors: [UserNotFound, RoleReferenceNotFound, RoleRepeated, PrivilegeEscalation, LastAdmin],
          database,
        },
        bodyLimit,
      },
      async (request) =>
        service.setGrants(
          { id: request.params.id, roles: request.body.roles, expectedVersion: request.expectedVersion },
          request.principal,
        ),
    )

    app.get(
      '/v1/roles',
      {
        schema: {
          operationId: 'listRoles',
          summary: 'List roles',
          tags: ['user'],
          querystring: RoleListQuery,
          response: answers({ 200: Page(Role) }),
        },
        config: { access: { permission: 'role:read' } },
      },
      async (request) => service.listRoles(request.query),
    )

    app.get(
      idPath('/v1/roles/:id'),
      {
        schema: { operationId: 'getRole', summary: 'Read a role', tags: ['user'], params: IdParams, response: answers({ 200: Role }) },
        config: { access: { permission: 'role:read' }, errors: [RoleNotFound] },
      },
      async (request) => service.requireRole({ id: request.params.id }),
    )

    app.get(
      '/v1/permissions',
      {
        schema: {
          operationId: 'listPermissions',
          summary: 'List what can be permitted, and where it is asked for',
          tags: ['user'],
          querystring: Type.Object({}, { additionalProperties: false }),
          response: answers({ 200: Page(Permission) }),
        },
        config: { access: { permission: 'role:read' } },
      },
      async () => ({
        data: permissions().map(({ permission, routes }) => ({ permission, scopes: scopesOf(permission), routes: [...routes] })),
        page: { nextCursor: null, hasMore: false },
      }),
    )
  }
