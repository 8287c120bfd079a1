import ts from 'typescript'

/**
 * Finds calls of a neighbour inside a transaction. A neighbour is a need whose type mentions a type that came through another
 * module's door (`users: Pick<UserService, 'getUser'>`) or from the file where a module names what it asks of others
 * (`neighbours.ts`); a transaction is the function given to `inTransaction` or `withTx`.
 * Handing the transaction itself over is allowed: that is an operation of the same database, never served to another process.
 */
export function callsInsideTransactions(file: ts.SourceFile): ReadonlyMap<ts.Node, string> {
  const known = remembered.get(file)
  if (known) return known
  const calls = new Map<ts.Node, string>()
  const needs = needsOfNeighbours(file)
  if (needs.size > 0) visit(file, undefined, needs, calls)
  remembered.set(file, calls)
  return calls
}

const remembered = new WeakMap<ts.SourceFile, ReadonlyMap<ts.Node, string>>()

function needsOfNeighbours(file: ts.SourceFile): ReadonlySet<string> {
  const lent = new Set<string>()
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement) || !ts.isStringLiteral(statement.moduleSpecifier)) continue
    if (!/^(\.\.\/[^/]+\/index|\.\/neighbours)\.ts$/.test(statement.moduleSpecifier.text)) continue
    for (const name of statement.importClause?.getText().match(/\w+/g) ?? []) lent.add(name)
  }
  const needs = new Set<string>()
  const collect = (node: ts.Node): void => {
    const isNeed = ts.isPropertySignature(node) || ts.isParameter(node)
    if (
      isNeed &&
      node.type &&
      ts.isIdentifier(node.name) &&
      node.type
        .getText()
        .match(/\w+/g)
        ?.some((word) => lent.has(word))
    )
      needs.add(node.name.text)
    ts.forEachChild(node, collect)
  }
  if (lent.size > 0) collect(file)
  return needs
}

function visit(node: ts.Node, tx: string | undefined, needs: ReadonlySet<string>, calls: Map<ts.Node, string>): void {
  if (!ts.isCallExpression(node)) {
    ts.forEachChild(node, (child) => visit(child, tx, needs, calls))
    return
  }
  const called = node.expression
  const method = ts.isPropertyAccessExpression(called) ? called.name.text : called.getText()
  if (tx !== undefined && ts.isPropertyAccessExpression(called)) {
    const need = called.expression.getText().split('.').at(-1) ?? ''
    if (needs.has(need) && !node.arguments.some((argument) => argument.getText().split(/\W+/).includes(tx)))
      calls.set(node, `${called.getText()}(`)
  }
  const begins = method === 'inTransaction' || method === 'withTx'
  ts.forEachChild(node, (child) => {
    const work = begins && (ts.isArrowFunction(child) || ts.isFunctionExpression(child)) ? child : undefined
    visit(child, work ? (work.parameters[0]?.name.getText() ?? 'tx') : tx, needs, calls)
  })
}
