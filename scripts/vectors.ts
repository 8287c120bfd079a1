/**
 * Runs worked examples of prices, `FILE.json [FILE...]`, through the pricing engine: one line per vector, then the count.
 * Exit 0 when all pass, 1 when one fails, 2 when a file is not a file of vectors. The format is in tests/vectors/README.md.
 */
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { evaluateVector } from '../src/modules/pricing/engine/vectors/evaluate.ts'

interface Vector {
  id: string
  kind: string
  given: unknown
  expect: unknown
}

const FORMAT = 'bulkhead-pricing-vectors'
const VERSION = 1
const REQUIRED_KEYS = ['id', 'kind', 'title', 'rules', 'given', 'expect']
const ID = /^[A-Z]{1,2}[0-9]{2,3}$/

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function readJson(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Error(`${file}: cannot be read (${error instanceof Error ? error.message : String(error)})`)
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${file}: is no JSON (${error instanceof Error ? error.message : String(error)})`)
  }
}

function readVectors(file: string, seen: Map<string, string>): Vector[] {
  const content = readJson(file)
  if (!isRecord(content)) throw new Error(`${file}: is no file of vectors, it holds no object`)
  if (content.format !== FORMAT) throw new Error(`${file}: format is ${JSON.stringify(content.format)}, expected "${FORMAT}"`)
  if (content.version !== VERSION) throw new Error(`${file}: version is ${JSON.stringify(content.version)}, expected ${VERSION}`)
  const { vectors } = content
  if (!Array.isArray(vectors) || vectors.length === 0) throw new Error(`${file}: holds no vector`)
  return vectors.map((vector: unknown, index) => readVector(vector, `${file}: vector ${index + 1}`, file, seen))
}

function readVector(vector: unknown, where: string, file: string, seen: Map<string, string>): Vector {
  if (!isRecord(vector)) throw new Error(`${where} is no object`)
  const missing = REQUIRED_KEYS.filter((key) => !Object.hasOwn(vector, key))
  if (missing.length > 0) throw new Error(`${where} misses ${missing.join(', ')}`)
  const { id, kind, given, expect } = vector
  if (typeof id !== 'string' || !ID.test(id))
    throw new Error(`${where} has the id ${JSON.stringify(id)}, expected one or two capital letters and two or three digits`)
  if (typeof kind !== 'string') throw new Error(`${where} (${id}) has a kind that is no text`)
  const other = seen.get(id)
  if (other !== undefined) throw new Error(`${where} repeats the id ${id}${other === file ? '' : ` of ${other}`}`)
  seen.set(id, file)
  return { id, kind, given, expect }
}

function evaluate({ kind, given }: Vector): unknown {
  try {
    // What counts is the result as JSON: an absent key and an undefined one are the same there.
    return JSON.parse(JSON.stringify(evaluateVector(kind, given)))
  } catch (error) {
    return { exception: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }
  }
}

function run(files: string[]): number {
  if (files.length === 0) {
    process.stderr.write('Usage: npm run --silent vectors -- FILE.json [FILE.json ...]\n')
    return 2
  }
  let vectors: Vector[]
  try {
    const seen = new Map<string, string>()
    vectors = files.flatMap((file) => readVectors(file, seen))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 2
  }
  let failed = 0
  for (const vector of vectors) {
    const actual = evaluate(vector)
    if (isDeepStrictEqual(actual, vector.expect)) {
      process.stdout.write(`${vector.id} pass\n`)
    } else {
      failed += 1
      process.stdout.write(`${vector.id} fail expected ${JSON.stringify(vector.expect)} actual ${JSON.stringify(actual)}\n`)
    }
  }
  process.stdout.write(`${vectors.length - failed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

// A reader such as `head` may close the pipe early: nothing is left to say, and that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = run(process.argv.slice(2))
