import { brotliCompress, constants, gzip } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'

type Done = (error?: Error | null, payload?: unknown) => void

const threshold = 1_024
// Quality 4 costs about what gzip does and is smaller.
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } }

/** Texts above a kibibyte, for who asks for it. Not where answers hold tokens: their length must not depend on their content. */
export function compress(request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void {
  if (typeof payload !== 'string' || payload.length <= threshold || !isCompressible(request)) {
    done(null, payload)
    return
  }
  const vary = reply.getHeader('vary')
  reply.header('vary', vary === undefined ? 'Accept-Encoding' : `${String(vary)}, Accept-Encoding`)
  const finish = (encoding: string) => (error: Error | null, compressed: Buffer) => {
    if (error) {
      done(null, payload)
      return
    }
    reply.header('content-encoding', encoding)
    reply.removeHeader('content-length')
    done(null, compressed)
  }
  const accepted = request.headers['accept-encoding'] ?? ''
  if (accepts(accepted, 'br')) brotliCompress(payload, brotliOptions, finish('br'))
  else if (accepts(accepted, 'gzip')) gzip(payload, finish('gzip'))
  else done(null, payload)
}

function isCompressible(request: FastifyRequest): boolean {
  return request.headers['accept-encoding'] !== undefined && request.method !== 'HEAD' && !request.routeOptions.url?.startsWith('/v1/auth')
}

const accepts = (header: string, encoding: string): boolean =>
  header.split(',').some((part) => {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    return name === encoding && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))
  })
