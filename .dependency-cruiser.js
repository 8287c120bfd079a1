/**
 * The import walls. `npm run boundaries` runs them together with the text rules and the checks of structure; each has a
 * fixture it must refuse and one it must let pass (tests/architecture/fixtures). The comment of a rule is what people read
 * when they run into it, so it says what to do instead.
 */

/**
 * Who may know whom: the one table, read by the lint, the documents and the composition. A new neighbour is one line here,
 * in its own commit, with the reason in the message.
 */
export const neighbours = Object.freeze({
  user: [],
  auth: ['user'],
  customer: ['user'],
  carrier: ['user'],
  pricing: ['customer', 'carrier'],
})

/** The named exception: whose repository may read whose tables. */
export const sharedTables = Object.freeze([
  {
    reader: 'auth',
    owner: 'user',
    reason: 'A log-in reads users, roles and user_roles where they are, in the database both modules share; user alone writes them.',
  },
])

const anyModule = '^src/modules/([^/]+)/'
const sameModule = '^src/modules/$1/'
const platform = '^src/platform/'
const root = '^src/[^/]+[.]ts$'
const door = '^src/modules/[^/]+/index[.]ts$'
const engine = '^src/modules/[^/]+/engine/'
const test = '[.](test|test-d)[.]ts$'
/** `tables.ts` and, where a module has several, `rate-tables.ts`. */
const room = (name, owner = '[^/]+') => `^src/modules/${owner}/([a-z-]+-|)${name}[.]ts$`
const operationsRepository = '^src/operations/([a-z-]+-|)repository[.]ts$'
const insideOf = (...modules) => `^src/modules/(${modules.join('|')})/`
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`
const core = (...names) => `^(node:|)(${names.join('|')})(/|$)`

const comments = {
  'enter-by-the-door':
    'A module is entered by its index.ts only. Import the name from there; if it is missing, its owner exports it or offers an operation in contract.ts.',
  'door-shows-own-house':
    "index.ts lists what its own module offers. Whoever needs a neighbour's name is a neighbour himself or asks through an operation of this module.",
  'neighbours-lend-types-only':
    'From a neighbour you take types. Write `import type`, add the value to the needs of createX in module.ts, and let app.ts hand it over.',
  'only-neighbours':
    'These two modules are no neighbours. Ask a module you know, hear an event, or add the neighbour to the table in .dependency-cruiser.js in a commit that gives the reason.',
  'platform-knows-no-module':
    'The platform serves every module and knows none. Take what you need as an argument and let app.ts pass it, or move the code into the module.',
  'platform-by-its-faces':
    'Behind a face (events.ts, databases.ts) lie rooms of the platform. Import from the face; the tables of the platform are reached through its functions.',
  'operations-know-no-module':
    'Operations work on the platform (events, jobs) for every module alike. Take what you need as an argument and let app.ts pass it.',
  'only-the-root-mounts-operations': 'Operations are mounted by app.ts and used by nobody else. Move what is shared into the platform.',
  'nobody-imports-the-root':
    'app.ts and server.ts compose, they are not imported. Take the thing as an argument; tests and scripts build the application with createApp from app.ts and leave server.ts alone.',
  'drivers-only-in-the-platform':
    'Drivers and clients are opened by the platform. Use Connection (#platform/databases.ts), Cache (#platform/cache.ts) or a Publisher (#platform/events.ts).',
  'sql-only-in-repositories': 'SQL lives in repository.ts and tables.ts. Give the repository a function with a name and call that.',
  'http-only-in-routes':
    'HTTP ends in routes.ts. Services and repositories take plain data and throw the errors of errors.ts; the route translates nothing else.',
  'tables-behind-the-repository':
    'Tables are read and written through the repository. Give repository.ts a function with a name and call that.',
  'tables-belong-to-their-module':
    "Another module's tables are its own, even on the same server. Call an operation of its contract, or keep what you need from its events.",
  'routes-call-the-service': 'A route makes one call of the service. Put the decision, even a small one, into service.ts.',
  'inward-only':
    'Inside a module the way goes module → routes → service → repository. Nothing further in imports index.ts, module.ts or routes.ts; pass it as an argument.',
  'contracts-are-pure':
    'A contract is schemas, events and types that any process can load: typebox, the contract, event and schema faces of the platform, other contract files of the module. Move the rest to the service.',
  'engine-is-pure':
    'The engine calculates: exact numbers in, numbers out, no I/O. Load in the service, hand in plain data, and keep clocks and randomness out.',
  'modules-leave-the-machine-alone':
    'Files, sockets, processes and threads belong to the platform. Add a small face there and take it as a need of the module.',
  'source-knows-no-scaffold':
    'Production code does not lean on tests, scripts or migrations. Move the shared part to where the production code lives.',
  'production-runs-on-dependencies':
    'This package is a devDependency and will not be there in production. Move it to dependencies if the server needs it.',
  'declared-packages': 'This package is not in package.json; it is here only because another one brought it. Add it with an exact version.',
  'no-cycles': 'Two files that need each other are one idea or three. Move the common part into a file of its own.',
  'no-orphans': 'Nothing uses this file and it uses nothing. Delete it, or import it where it belongs.',
  'no-unresolvable':
    'This import leads nowhere. Correct the path, or write the file; what another process offers is reached through its contract.',
}

const rule = (name, from, to) => ({ name, severity: 'error', comment: comments[name], from, to })

const modules = Object.entries(neighbours)
const tablesReadableBy = (reader) => sharedTables.filter((shared) => shared.reader === reader).map((shared) => shared.owner)

export default {
  forbidden: [
    // Scaffold (tests, scripts, migrations) may also read what describes a module without running it.
    rule('enter-by-the-door', { path: anyModule }, { path: anyModule, pathNot: [sameModule, door, room('tables')] }),
    rule('enter-by-the-door', { path: root, pathNot: test }, { path: anyModule, pathNot: [door, room('tables')] }),
    rule(
      'enter-by-the-door',
      { path: ['^(scripts|tests|drizzle)/', '^src/[^/]+[.]test[.]ts$'] },
      { path: anyModule, pathNot: [door, room('contract'), room('tables'), engine] },
    ),
    rule('door-shows-own-house', { path: '^src/modules/([^/]+)/index[.]ts$' }, { pathNot: sameModule }),
    rule(
      'neighbours-lend-types-only',
      { path: anyModule, pathNot: test },
      { path: door, pathNot: sameModule, dependencyTypesNot: ['type-only'] },
    ),
    ...modules.map(([name, known]) => rule('only-neighbours', { path: insideOf(name) }, { path: door, pathNot: insideOf(name, ...known) })),
    rule('platform-knows-no-module', { path: platform }, { path: '^src/(modules|operations)/' }),
    rule(
      'platform-by-its-faces',
      { path: '^src/modules/', pathNot: test },
      { path: '^src/platform/(event-|database-|(tables|accounts|migrations)[.]ts$)' },
    ),
    rule('operations-know-no-module', { path: '^src/operations/' }, { path: '^src/modules/' }),
    rule('only-the-root-mounts-operations', { path: '^src/modules/' }, { path: '^src/operations/' }),
    rule('nobody-imports-the-root', { path: '^(src/(platform|operations|modules)|drizzle)/' }, { path: root }),
    rule('nobody-imports-the-root', { path: '^(scripts|tests)/' }, { path: '^src/server[.]ts$' }),
    rule(
      'drivers-only-in-the-platform',
      { path: '^src/', pathNot: [platform, test] },
      { path: npm('mysql2', 'ioredis', '@fastify/redis', 'eventemitter2', 'undici', 'cockatiel', 'prom-client') },
    ),
    rule(
      'sql-only-in-repositories',
      { path: '^src/', pathNot: [platform, room('tables'), room('repository'), operationsRepository, test] },
      { path: npm('drizzle-orm') },
    ),
    rule(
      'http-only-in-routes',
      { path: '^src/modules/', pathNot: [room('routes'), room('module'), test] },
      { path: npm('fastify', 'fastify-plugin', '@fastify/[^/]+'), pathNot: npm('@fastify/redis') },
    ),
    rule(
      'http-only-in-routes',
      { path: '^src/modules/', pathNot: [room('routes'), room('module'), room('schemas'), test] },
      { path: '^src/platform/http[.]ts$' },
    ),
    rule(
      'tables-behind-the-repository',
      // rows.ts translates between rows and values for the repository.
      { path: ['^src/modules/', root], pathNot: [room('tables'), room('repository'), room('rows'), test] },
      { path: room('tables') },
    ),
    ...modules.map(([name]) =>
      rule(
        'tables-belong-to-their-module',
        { path: insideOf(name), pathNot: test },
        { path: room('tables'), pathNot: [name, ...tablesReadableBy(name)].map((owner) => room('tables', owner)) },
      ),
    ),
    rule('routes-call-the-service', { path: room('routes') }, { path: room('repository') }),
    rule(
      'inward-only',
      { path: anyModule, pathNot: [room('index'), room('module'), room('routes'), test] },
      { path: '^src/modules/$1/(index|module|([a-z-]+-|)routes)[.]ts$' },
    ),
    rule(
      'contracts-are-pure',
      { path: '^src/modules/([^/]+)/([a-z-]+-|)contract[.]ts$' },
      { pathNot: ['^src/modules/$1/([a-z-]+-|)contract[.]ts$', '^src/platform/(contracts|events|schemas)[.]ts$', npm('typebox')] },
    ),
    rule(
      'engine-is-pure',
      // engine/vectors/ reads the files of published test vectors for the engine; the engine does not know it.
      { path: '^src/modules/([^/]+)/engine/', pathNot: ['/engine/vectors/', test] },
      { pathNot: ['^src/modules/$1/engine/(?!vectors/)', npm('fraction.js', 'currency-codes'), core('crypto')] },
    ),
    rule(
      'modules-leave-the-machine-alone',
      { path: '^src/modules/', pathNot: [test, engine, room('contract')] },
      {
        path: core(
          'child_process',
          'cluster',
          'dgram',
          'dns',
          'fs',
          'http',
          'http2',
          'https',
          'inspector',
          'net',
          'os',
          'tls',
          'vm',
          'worker_threads',
        ),
      },
    ),
    rule('source-knows-no-scaffold', { path: '^src/', pathNot: test }, { path: ['^(tests|scripts|drizzle)/', test] }),
    rule(
      'production-runs-on-dependencies',
      { path: '^src/', pathNot: test },
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    ),
    rule('declared-packages', {}, { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] }),
    rule('no-cycles', {}, { circular: true }),
    rule('no-orphans', { orphan: true, pathNot: '[.]d[.]ts$' }, {}),
    rule('no-unresolvable', {}, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^tests/architecture/fixtures/' },
    // Without it a type-only import of another module's insides is erased before the lint sees it.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      mainFields: ['module', 'main', 'types'],
    },
  },
}
