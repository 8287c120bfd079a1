import Type, { type Static } from 'typebox'
import { listQuery } from '#platform/lists.ts'
import { Country, Id, Instant, Nullable, OneOf, Personal, Text } from '#platform/schemas.ts'

/** Bodies and answers. No answer holds a password or a hash; tokens leave in `Tokens` only. */

const closed = { additionalProperties: false } as const

const EmailText = Personal(
  Type.String({ minLength: 3, maxLength: 254, format: 'email-address', description: 'E-mail address', examples: ['ada@example.com'] }),
)
/** Taken exactly as sent; how good it is, is judged by the service. */
const Password = Type.String({ minLength: 1, maxLength: 256, 'x-secret': true, description: 'Password, 12 to 256 characters' })
const Name = Personal(Text(1, 100))
const LanguageTag = Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$', maxLength: 35, examples: ['en-GB'] })
const Zone = Type.String({ format: 'time-zone', maxLength: 64, description: 'IANA time zone', examples: ['Europe/Berlin'] })
const RefreshToken = Type.String({ minLength: 1, maxLength: 200, 'x-secret': true })

export const Registration = Type.Object(
  {
    email: EmailText,
    password: Password,
    firstName: Name,
    lastName: Name,
    userType: Type.Optional(OneOf(['customer', 'carrier'] as const, 'Default: customer')),
    company: Type.Optional(Type.Object({ name: Text(1, 255), country: Country }, closed)),
    locale: Type.Optional(LanguageTag),
    timezone: Type.Optional(Zone),
  },
  {
    ...closed,
    examples: [
      {
        email: 'ada@example.com',
        password: 'violet-otter-mends-9-clocks',
        firstName: 'Ada',
        lastName: 'Lovelace',
        company: { name: 'Analytical Engines Ltd', country: 'GB' },
        timezone: 'Europe/London',
      },
    ],
  },
)
export type Registration = Static<typeof Registration>

/** The user as user's contract describes it; the service's type keeps the two together. */
export const Account = Type.Object(
  {
    id: Id,
    email: Personal(Type.String()),
    firstName: Name,
    lastName: Name,
    userType: OneOf(['staff', 'customer', 'carrier', 'service'] as const),
    status: OneOf(['invited', 'active', 'suspended', 'deactivated', 'anonymised'] as const),
    roles: Type.Array(Type.String()),
    locale: Type.String(),
    timezone: Type.String(),
    emailVerifiedAt: Nullable(Instant),
    version: Type.Integer({ minimum: 1 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  { ...closed, $id: 'Account' },
)
export type Account = Static<typeof Account>

export const Login = Type.Object(
  { email: EmailText, password: Password, device: Type.Optional(Text(1, 100, 'What the session list shows for this log-in')) },
  { ...closed, examples: [{ email: 'ada@example.com', password: 'violet-otter-mends-9-clocks', device: 'Ada’s laptop' }] },
)
export type Login = Static<typeof Login>

export const Refresh = Type.Object(
  { refreshToken: RefreshToken },
  { ...closed, examples: [{ refreshToken: 'bhr_AAAAEQAAAAPJMfgHO5TTxfdm_w0PmS1gx-3K_hs__nWVwD8qRTbnyg' }] },
)
export const Logout = Type.Union([Type.Object({ refreshToken: Type.Optional(RefreshToken) }, { ...closed, examples: [{}] }), Type.Null()])
export const LogoutAll = Type.Union([
  Type.Object({ exceptCurrent: Type.Optional(Type.Boolean()) }, { ...closed, examples: [{ exceptCurrent: true }] }),
  Type.Null(),
])

export const Tokens = Type.Object(
  {
    accessToken: Type.String({ 'x-secret': true }),
    tokenType: Type.Literal('Bearer'),
    /** Seconds. */
    expiresIn: Type.Integer({ minimum: 1 }),
    refreshToken: Type.String({ 'x-secret': true }),
    refreshExpiresIn: Type.Integer({ minimum: 0 }),
    sessionId: Id,
  },
  { ...closed, $id: 'Tokens' },
)
export type Tokens = Static<typeof Tokens>

export const Ended = Type.Object({ ended: Type.Integer({ minimum: 0, description: 'Sessions ended' }) }, closed)

export const SessionListQuery = listQuery({ sorts: ['createdAt'], filters: {}, defaultSort: '-createdAt' })
export type SessionListQuery = Static<typeof SessionListQuery>

export const Session = Type.Object(
  {
    id: Id,
    device: Nullable(Type.String()),
    ip: Nullable(Personal(Type.String())),
    createdAt: Instant,
    lastUsedAt: Instant,
    expiresAt: Instant,
    /** Whether the request was made with this session. */
    current: Type.Boolean(),
  },
  { ...closed, $id: 'Session' },
)
export type Session = Static<typeof Session>

export const Me = Type.Object(
  {
    user: Account,
    permissions: Type.Array(Type.String({ examples: ['customer:read:own'] })),
    session: Type.Optional(Type.Object({ id: Id }, closed)),
  },
  { ...closed, $id: 'Me' },
)
export type Me = Static<typeof Me>

export const JsonWebKeySet = Type.Object(
  {
    keys: Type.Array(
      Type.Object(
        {
          kid: Type.String(),
          kty: Type.String(),
          alg: Type.String(),
          use: Type.String(),
          crv: Type.String(),
          x: Type.String(),
          y: Type.Optional(Type.String()),
        },
        closed,
      ),
    ),
  },
  { ...closed, $id: 'JsonWebKeySet' },
)
export type JsonWebKeySet = Static<typeof JsonWebKeySet>
