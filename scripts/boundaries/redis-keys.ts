import ts from 'typescript'
import { methodOf, textOf } from './syntax.ts'

/**
 * Keys of Redis are made by `redis.key(entity, id, what)`. A tag without the id of a thing puts all things of a kind, or of a
 * module, into one slot of a cluster, which one server holds whatever the number of servers.
 */
export function untaggedKey(node: ts.Node): string | undefined {
  const text = textOf(node)
  if (text !== undefined) return handmade.exec(text)?.[0] ?? wholeServer.exec(text)?.[0]
  if (methodOf(node) === 'key' && ts.isCallExpression(node)) {
    const [entity, id] = node.arguments.map(textOf)
    return entity !== undefined && id !== undefined ? node.getText() : undefined
  }
  // An entity with a tag or an id in it would make a tag of its own.
  if (ts.isPropertyAssignment(node) && node.name.getText() === 'entity') {
    const entity = textOf(node.initializer)
    return entity !== undefined && !/^[a-z_-]+$/.test(entity) ? node.getText() : undefined
  }
  return undefined
}

/** `customer:{customer}:17` as a whole, or behind an interpolated beginning. */
const handmade = /(^|:)\{[a-z_-]+\}:/
/** Commands that look through all keys, or leave the one database that a cluster has, in a script. */
const wholeServer = /\bredis\.p?call\(\s*['"](KEYS|SCAN|SELECT|RANDOMKEY|DBSIZE)['"]/i
