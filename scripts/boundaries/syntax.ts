import ts from 'typescript'

/** The text a string, a template or a piece of one says; undefined for everything else. */
export const textOf = (node: ts.Node) =>
  ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)
    ? node.text
    : undefined

/** `object.name` or `object['name']`. */
export function accesses(node: ts.Node, object: string, name: string): boolean {
  if (ts.isPropertyAccessExpression(node)) return node.expression.getText() === object && node.name.text === name
  return ts.isElementAccessExpression(node) && node.expression.getText() === object && textOf(node.argumentExpression) === name
}

/** The name of the method when the node is a call `x.method(…)`. */
export const methodOf = (node: ts.Node) =>
  ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression) ? node.expression.name.text : undefined

export const importedFrom = (node: ts.Node, specifier: RegExp) =>
  (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) &&
  node.moduleSpecifier !== undefined &&
  specifier.test(textOf(node.moduleSpecifier) ?? '')

export const importsName = (node: ts.Node, name: string) => ts.isImportSpecifier(node) && (node.propertyName ?? node.name).text === name

/** The tag of the template a piece of text belongs to: `sql` in sql`…`. */
export function tagOf(node: ts.Node): string | undefined {
  if (ts.isStringLiteral(node)) return undefined
  const template = ts.isNoSubstitutionTemplateLiteral(node) ? node : ts.isTemplateHead(node) ? node.parent : node.parent.parent
  return ts.isTaggedTemplateExpression(template.parent) ? template.parent.tag.getText() : undefined
}
