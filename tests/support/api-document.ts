import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { formats } from '#platform/formats.ts'

/** The API document as tests read it: every operation with what it takes and what it may answer. */

export type JsonSchema = Readonly<Record<string, unknown>>

export interface Parameter {
  name: string
  required: boolean
  schema: JsonSchema
  example: unknown
}

export interface Operation {
  id: string
  method: string
  /** `/v1/customers/{id}` */
  path: string
  tag: string
  /** `public`, `authenticated`, `customer:read` or `carrier:read | carrier:browse`. */
  permission: string
  idempotency: 'none' | 'optional' | 'required'
  versioned: 'required' | 'when-sent' | undefined
  bodyLimit: number | undefined
  body: JsonSchema | undefined
  example: unknown
  pathParameters: Parameter[]
  query: Parameter[]
  /** Status → the codes of its problems; empty for a success. */
  answers: ReadonlyMap<number, readonly string[]>
  /** Whether the body fits the document's schema. */
  takes: ValidateFunction
  /** By the status of each success, whether its payload fits; undefined where none is sent as JSON. */
  gives: ReadonlyMap<number, ValidateFunction | undefined>
}

export interface ApiDocument {
  operations: readonly Operation[]
  isProblem: ValidateFunction
  /** The schema with references resolved one step. */
  resolve(schema: JsonSchema): JsonSchema
}

type Node = Record<string, unknown>

export async function readApiDocument(url: string): Promise<ApiDocument> {
  const response = await fetch(`${url}/openapi.json`)
  if (response.status !== 200) throw new Error(`/openapi.json answered ${response.status}: ${await response.text()}`)
  const document: Node = node(await response.json())
  const components = node(node(document.components).schemas)

  const ajv = new Ajv2020({ allErrors: true, strict: false })
  addFormats.default(ajv, ['date', 'date-time', 'uuid', 'uri'])
  for (const [name, check] of Object.entries(formats)) ajv.addFormat(name, check)
  ajv.addSchema({ $id: 'document', components: { schemas: components } })
  const compile = (schema: JsonSchema): ValidateFunction => ajv.compile(pointed(schema))

  const resolve = (schema: JsonSchema): JsonSchema => {
    const name = typeof schema.$ref === 'string' ? schema.$ref.split('/').at(-1) : undefined
    return name === undefined ? schema : node(components[name])
  }

  const operations = Object.entries(node(document.paths)).flatMap(([path, methods]) =>
    Object.entries(node(methods)).map(([method, declared]) => operationOf(method.toUpperCase(), path, node(declared), compile)),
  )
  return { operations, resolve, isProblem: compile(node(components.Problem)) }
}

function operationOf(method: string, path: string, declared: Node, compile: (schema: JsonSchema) => ValidateFunction): Operation {
  const parameters = list(declared.parameters)
  const of = (where: string): Parameter[] =>
    parameters
      .filter((parameter) => parameter.in === where)
      .map(({ name, required, schema, example }) => ({ name: String(name), required: required === true, schema: node(schema), example }))
  const media = declared.requestBody === undefined ? undefined : node(node(node(declared.requestBody).content)['application/json'])
  const answers = Object.entries(node(declared.responses)).map(([status, answer]) => ({ status: Number(status), answer: node(answer) }))
  const good = answers.filter(({ status }) => status < 300)
  if (good.length === 0) throw new Error(`${method} ${path} documents no success`)
  const payloadOf = (answer: Node): ValidateFunction | undefined => {
    const content = node(answer.content)['application/json']
    return content === undefined ? undefined : compile(node(node(content).schema))
  }
  const versionHeader = of('header').find(({ name }) => name === 'If-Match')
  const body = media === undefined ? undefined : node(media.schema)
  return {
    id: String(declared.operationId),
    method,
    path,
    tag: String(list(declared.tags)[0] ?? ''),
    permission: String(declared['x-permission']),
    idempotency: declared['x-idempotency'] === 'optional' || declared['x-idempotency'] === 'required' ? declared['x-idempotency'] : 'none',
    versioned: versionHeader === undefined ? undefined : versionHeader.required ? 'required' : 'when-sent',
    bodyLimit: typeof declared['x-body-limit'] === 'number' ? declared['x-body-limit'] : undefined,
    body,
    example: media?.example,
    pathParameters: of('path'),
    query: of('query'),
    answers: new Map(answers.map(({ status, answer }) => [status, list(answer['x-codes']).map(String)])),
    takes: body === undefined ? compile({ not: {} }) : compile(body),
    gives: new Map(good.map(({ status, answer }) => [status, payloadOf(answer)])),
  }
}

/** References of the document, from wherever a schema of it is compiled alone. */
function pointed(schema: JsonSchema): JsonSchema {
  return JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"document#/components/'))
}

const node = (value: unknown): Node => (typeof value === 'object' && value !== null ? { ...value } : {})
const list = (value: unknown): Node[] => (Array.isArray(value) ? value : [])
