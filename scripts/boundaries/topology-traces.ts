import ts from 'typescript'
import { textOf } from './syntax.ts'

/**
 * What would let a module know where it runs: the settings of the layout, what the configuration makes of them, and the files of
 * the platform that carry calls between processes. Words are found as names, as strings and as keys of types.
 */
export function topologyTrace(node: ts.Node): string | undefined {
  const text = textOf(node)
  if (text !== undefined && carriers.test(text)) return text
  const word = ts.isIdentifier(node) ? node.text : text
  if (word === undefined) return undefined
  if (settings.test(word)) return word
  return ofConfig.test(word) && isSaidOfConfig(node) ? `config.${word}` : undefined
}

const settings = /^(MODULES|PEERS|TRANSPORT|REPLICAS|PROCESS_NAME|INTERNAL_HOST|INTERNAL_PORT|SERVICE_KEYS?_FILE)$/
const ofConfig = /^(modules|peers|transport|replicas|service|internalHost|internalPort)$/
const carriers =
  /^(#platform|(\.\.\/)+platform)\/(topology|exchange|contract-(peer|server|wire)|remote-|service-|internal|call-policies|module-table)[^/]*$/

const config = /(^|\.)config$/i

/** `config.peers`, `config['peers']`, `{ peers } = config`, `{ config: { peers } }`, `Pick<Config, 'peers'>`, `Config['peers']`. */
function isSaidOfConfig(node: ts.Node): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node && config.test(parent.expression.getText())
  if (ts.isElementAccessExpression(parent)) return parent.argumentExpression === node && config.test(parent.expression.getText())
  if (ts.isBindingElement(parent)) return (parent.propertyName ?? parent.name) === node && isOfConfig(parent.parent.parent)
  if (!ts.isLiteralTypeNode(parent)) return false
  let type: ts.Node = parent.parent
  while (ts.isUnionTypeNode(type)) type = type.parent
  return /^(Pick<\s*Config\b|Config\[)/.test(type.getText())
}

/** Whether what is taken apart here is the configuration. */
function isOfConfig(owner: ts.VariableDeclaration | ts.ParameterDeclaration | ts.BindingElement): boolean {
  if (ts.isBindingElement(owner)) return owner.propertyName?.getText() === 'config'
  if (ts.isParameter(owner)) return /^(Pick<\s*)?Config\b/.test(owner.type?.getText() ?? '')
  return config.test(owner.initializer?.getText() ?? '')
}
