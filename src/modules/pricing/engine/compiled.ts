/**
 * Remembers what was compiled from an object, by its identity, for as long as the object lives. Published tariffs are frozen and kept by their content hash,
 * so their tables, policies and conditions are read once and not once per price.
 */
export function compiledOnce<Source extends object, Result>(compile: (source: Source) => Result): (source: Source) => Result {
  const known = new WeakMap<Source, Result>()
  return (source) => {
    const found = known.get(source)
    if (found !== undefined) return found
    const result = compile(source)
    known.set(source, result)
    return result
  }
}
