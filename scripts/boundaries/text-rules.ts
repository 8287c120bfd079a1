import ts from 'typescript'
import type { Finding } from './finding.ts'
import { untaggedKey } from './redis-keys.ts'
import { databases, isTest, moduleOf, type Source } from './sources.ts'
import { accesses, importedFrom, importsName, methodOf, tagOf, textOf } from './syntax.ts'
import { topologyTrace } from './topology-traces.ts'
import { callsInsideTransactions } from './transaction-calls.ts'

/**
 * Walls for what an import lint cannot see. Each rule looks at one node of the syntax tree at a time, so that a word in a
 * comment is never refused and a word in a string is never missed.
 */

export interface Land {
  /** Table name → who declares it in tables.ts: a module, or the platform. */
  tables: ReadonlyMap<string, readonly string[]>
}

interface Place {
  path: string
  file: ts.SourceFile
  land: Land
}

export interface TextRule {
  name: string
  remedy: string
  covers: (path: string) => boolean
  /** What is refused about this node, or undefined. */
  look: (node: ts.Node, place: Place) => string | undefined
}

const inSource = (path: string) => path.startsWith('src/') && !isTest(path)
const inModules = (path: string) => inSource(path) && moduleOf(path) !== undefined
const outsidePlatform = (path: string) => inSource(path) && !path.startsWith('src/platform/')
/** Dates count days and may do so with numbers, as may the reader of test vectors; all else in an engine is an amount, a rate or a measure. */
const inEngine = (path: string) => inSource(path) && /^src\/modules\/[^/]+\/engine\/(?!vectors\/|(dates|calendar)\.ts$)/.test(path)

const unportable =
  /\bINSERT\s+IGNORE\b|\bREPLACE\s+INTO\b|\bSKIP\s+LOCKED\b|\bGET_LOCK\b|\bRETURNING\b|\bCREATE\s+(TRIGGER|PROCEDURE|FUNCTION|EVENT)\b/

const openers = ['openDatabase', 'createRedis', 'createCache', 'createPublisher', 'createEvents', 'createBell', 'loadConfig', 'offer']

export const textRules: readonly TextRule[] = [
  {
    name: 'no-computed-imports',
    remedy: 'An import whose name is computed leads past every wall. Import by its real name and choose between the values.',
    covers: inSource,
    look: (node) => {
      if (!ts.isCallExpression(node)) return undefined
      const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require'
      const target = node.arguments[0]
      return isImport && (!target || textOf(target) === undefined || ts.isTemplateExpression(target)) ? node.getText() : undefined
    },
  },
  {
    name: 'imports-carry-real-names',
    remedy:
      'Node runs the file as it stands and looks for exactly this name. Write it with its extension: ./service.ts, #platform/events.ts.',
    covers: () => true,
    look: (node) => (importedFrom(node, /^(\.|#)(?!.*\.(ts|js|mjs|json)$)/) ? node.getText() : undefined),
  },
  {
    name: 'no-create-require',
    remedy: 'createRequire opens a door no wall guards. Use an import declaration.',
    covers: inSource,
    look: (node) =>
      importsName(node, 'createRequire') || importedFrom(node, /^(node:)?module$/) || methodOf(node) === 'createRequire'
        ? node.getText()
        : undefined,
  },
  {
    name: 'environment-in-config-only',
    remedy: 'The environment is read once, by src/platform/config.ts. Add the setting there and take the value as an argument.',
    covers: (path) => inSource(path) && path !== 'src/platform/config.ts',
    look: (node) =>
      accesses(node, 'process', 'env') || accesses(node, 'globalThis.process', 'env') || importedFrom(node, /^(node:)?process$/)
        ? node.getText()
        : undefined,
  },
  {
    name: 'no-raw-sql',
    remedy: 'sql.raw puts text into SQL unescaped. Write values as placeholders of the sql template and names with sql.identifier(name).',
    covers: inSource,
    look: (node) => (accesses(node, 'sql', 'raw') ? node.getText() : undefined),
  },
  {
    name: 'no-foreign-database',
    remedy:
      "A module names no database but its own. Call an operation of the other module's contract, or keep what you need from its events.",
    covers: inModules,
    look: (node, { path }) => {
      const text = textOf(node)
      const own = databases[moduleOf(path) ?? '']
      return text === undefined ? undefined : Object.values(databases).find((database) => database !== own && text.includes(database))
    },
  },
  {
    name: 'no-foreign-table-in-sql',
    remedy:
      "This SQL names another module's table, even where one server would answer. Call an operation of its contract, or keep what you need from its events.",
    covers: inModules,
    look: (node, { path, land }) => {
      const text = textOf(node)
      if (text === undefined) return undefined
      const named = [...text.matchAll(/\b(?:from|join|into|update)\s+`?([a-z_]+)`?/gi)].map(([, table]) => (table ?? '').toLowerCase())
      return named.find((table) => land.tables.get(table)?.includes(moduleOf(path) ?? '') === false)
    },
  },
  {
    name: 'one-owner-per-table',
    remedy:
      'Two places declare this table, so nobody owns it. Its owner keeps the declaration; the other calls an operation of the contract.',
    covers: inModules,
    look: (node, { land }) => {
      if (!ts.isCallExpression(node) || node.expression.getText() !== 'mysqlTable' || !node.arguments[0]) return undefined
      const table = textOf(node.arguments[0]) ?? ''
      const owners = land.tables.get(table) ?? []
      return owners.length > 1 ? `${table}: ${owners.join(', ')}` : undefined
    },
  },
  {
    name: 'modules-open-nothing',
    remedy:
      'Connections, publishers and settings are made once, by app.ts, where one can see who gets which. Take it as a need of createX.',
    covers: inModules,
    look: (node) => openers.find((name) => importsName(node, name)),
  },
  {
    name: 'no-globals',
    remedy: 'What hangs on a global is an edge no wall sees. Pass it as an argument.',
    covers: inModules,
    look: (node) => (ts.isIdentifier(node) && (node.text === 'globalThis' || node.text === 'global') ? node.text : undefined),
  },
  {
    name: 'no-decorators',
    remedy:
      'A decorator is an edge no wall sees. Hand services over as arguments in app.ts; what belongs to every request is decorated by the platform.',
    covers: outsidePlatform,
    look: (node) => {
      if (ts.isModuleDeclaration(node) && textOf(node.name) === 'fastify') return "declare module 'fastify'"
      const method = methodOf(node)
      return method && ['decorate', 'decorateRequest', 'decorateReply'].includes(method) ? `.${method}(` : undefined
    },
  },
  {
    name: 'own-transactions-only',
    remedy:
      "drizzle's transaction() loses the first error and can starve the pool. Use repository.inTransaction, which is withTx of #platform/databases.ts.",
    covers: outsidePlatform,
    look: (node) => (methodOf(node) === 'transaction' ? '.transaction(' : undefined),
  },
  {
    name: 'portable-sql',
    remedy:
      'Not every server we support keeps this. Insert plainly and treat 1062 as "already there"; claim rows by a conditional UPDATE or a lease (#platform/lease.ts); read back what you wrote.',
    covers: inSource,
    look: (node) => {
      const text = textOf(node)
      if (text !== undefined) return unportable.exec(tagOf(node)?.startsWith('sql') ? text.toUpperCase() : text)?.[0]
      if (methodOf(node) === 'ignore') return '.ignore('
      return ts.isPropertyAssignment(node) && node.name.getText() === 'skipLocked' ? 'skipLocked' : undefined
    },
  },
  {
    name: 'errors-by-code',
    remedy: 'instanceof does not survive a network. Compare error.code with the code of the contract or of the error registry.',
    covers: inModules,
    look: (node, { file }) => {
      if (!ts.isBinaryExpression(node) || node.operatorToken.kind !== ts.SyntaxKind.InstanceOfKeyword) return undefined
      const name = node.right.getText()
      const imported = file.statements.some(
        (statement) =>
          ts.isImportDeclaration(statement) &&
          /^(#|\.\.\/)/.test(textOf(statement.moduleSpecifier) ?? '') &&
          statement.importClause
            ?.getText()
            .split(/\W+/)
            .includes(name.split('.')[0] ?? name),
      )
      return imported ? node.getText() : undefined
    },
  },
  {
    name: 'names-one-by-one',
    remedy:
      'What leaves a file is listed by name, so that a door shows what goes through it. Write export { a, b } from …, or export type { A } from ….',
    covers: inSource,
    look: (node) =>
      ts.isExportDeclaration(node) && (!node.exportClause || ts.isNamespaceExport(node.exportClause)) ? node.getText() : undefined,
  },
  {
    name: 'no-number-money',
    remedy: 'A JavaScript number carries no amount, rate, weight or size. Use the exact values of the engine and print them from there.',
    covers: inEngine,
    look: (node) => {
      if (ts.isNumericLiteral(node) && /[.]\d*[1-9]|e-/i.test(node.getText())) return node.getText()
      if (!ts.isCallExpression(node)) return undefined
      const called = node.expression.getText()
      const method = methodOf(node)
      return ['parseFloat', 'Number.parseFloat', 'Number'].includes(called) || method === 'toFixed' || method === 'toPrecision'
        ? `${called}(`
        : undefined
    },
  },
  {
    name: 'modules-know-no-topology',
    remedy: 'Where a module runs is configuration it never sees. Take the neighbour as a need; app.ts chooses the transport.',
    covers: inModules,
    look: topologyTrace,
  },
  {
    name: 'redis-keys-by-entity',
    remedy:
      'A key is tagged by the thing it is about, {entity:id}, so that a cluster can spread them. Make it with redis.key(entity, id, what) or a cache, and touch no keys but by name.',
    covers: inSource,
    look: untaggedKey,
  },
  {
    name: 'no-call-inside-a-transaction',
    remedy:
      'A call of a neighbour may cross a network, and the transaction holds its locks meanwhile. Ask before the transaction begins, or publish an event inside it.',
    covers: inModules,
    look: (node, { file }) => callsInsideTransactions(file).get(node),
  },
  {
    name: 'one-log',
    remedy: 'Standard output belongs to the log. Take the log as a need: log.info({ … }, "short lower-case sentence").',
    covers: inSource,
    look: (node) => (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'console' ? node.getText() : undefined),
  },
  {
    name: 'every-test-runs',
    remedy: 'A test that does not run proves nothing. Mend it or delete it.',
    covers: isTest,
    look: (node) => {
      if (!ts.isPropertyAccessExpression(node) || !['only', 'skip', 'todo'].includes(node.name.text)) return undefined
      return /^(describe|it|test)\b/.test(node.expression.getText()) ? node.getText() : undefined
    },
  },
]

const portableSqlInMigrations = {
  name: 'portable-migrations',
  remedy:
    'A migration stays in the common subset and in its own database: no triggers, procedures, RETURNING, USE or names of another schema.',
}

export const textRuleNames = [...textRules, portableSqlInMigrations].map(({ name, remedy }) => ({ name, remedy }))

const parsed = (source: Source) => ts.createSourceFile(source.path, source.text, ts.ScriptTarget.Latest, true)

function tablesByOwner(files: readonly ts.SourceFile[]): ReadonlyMap<string, readonly string[]> {
  const tables = new Map<string, string[]>()
  for (const { fileName, text } of files) {
    if (!/^src\/(modules|platform)\/.*tables\.ts$/.test(fileName)) continue
    const owner = moduleOf(fileName) ?? 'platform'
    for (const [, name = ''] of text.matchAll(/mysqlTable\(\s*'([a-z_]+)'/g)) tables.set(name, [...(tables.get(name) ?? []), owner])
  }
  return tables
}

export function checkText(sources: readonly Source[]): Finding[] {
  const files = sources.map(parsed)
  const land: Land = { tables: tablesByOwner(files) }
  return files.flatMap((file) => checkFile(file, land))
}

function checkFile(file: ts.SourceFile, land: Land): Finding[] {
  const path = file.fileName
  const rules = textRules.filter((rule) => rule.covers(path))
  const findings: Finding[] = []
  const visit = (node: ts.Node): void => {
    for (const { name, remedy, look } of rules) {
      const target = look(node, { path, file, land })
      if (target !== undefined) findings.push({ rule: name, file: path, line: lineOf(file, node), target: oneLine(target), remedy })
    }
    ts.forEachChild(node, visit)
  }
  if (rules.length > 0) visit(file)
  return findings
}

const lineOf = (file: ts.SourceFile, node: ts.Node) => file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 100)

export function checkMigrations(sources: readonly Source[]): Finding[] {
  const { name: rule, remedy } = portableSqlInMigrations
  return sources.flatMap(({ path, text }) => {
    const own = /^drizzle\/([^/]+)\//.exec(path)?.[1]
    return text.split('\n').flatMap((line, index) => {
      const sql = line.replace(/(--|#).*$/, '')
      const word =
        unportable.exec(sql.toUpperCase())?.[0] ??
        /^\s*USE\s+\S+/i.exec(sql)?.[0] ??
        Object.values(databases).find((database) => database !== own && sql.includes(database))
      return word === undefined ? [] : [{ rule, file: path, line: index + 1, target: word.trim(), remedy }]
    })
  })
}
