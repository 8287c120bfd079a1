import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createLog } from './logging.ts'

function captured(logLevel = 'info') {
  const lines: string[] = []
  const log = createLog({ logLevel }, { write: (line: string) => void lines.push(line) })
  return { log, read: () => lines.map((line) => JSON.parse(line)), lines }
}

describe('the log', () => {
  it('writes one JSON object per line, the line of a request included', () => {
    const { log, read, lines } = captured()

    log.info({ a: 1 }, 'first')
    log.request({
      requestId: 'r-1',
      trace: 't',
      method: 'GET',
      route: '/v1/things/{id}',
      path: '/v1/things/"\u2028\n',
      status: 200,
      ms: 1.234,
      actor: 'user/7',
    })

    expect(lines.every((line) => line.endsWith('\n') && !line.slice(0, -1).includes('\n'))).toBe(true)
    expect(read()).toMatchObject([
      { level: 'info', a: 1, msg: 'first', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
      {
        level: 'info',
        requestId: 'r-1',
        path: '/v1/things/"\u2028\n',
        status: 200,
        ms: 1.23,
        actor: 'user/7',
        msg: 'request',
        time: expect.stringMatching(/Z$/),
      },
    ])
  })

  it('lets a process end whose log nobody reads any more', async () => {
    const program = `
      import { createLog } from ${JSON.stringify(join(import.meta.dirname, 'logging.ts'))}
      const log = createLog({ logLevel: 'info' })
      process.stdin.resume().once('end', () => {
        log.info({}, 'said to nobody')
        log.flush()
        process.exit(7)
      })
      process.stderr.write('listening')`
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: 'pipe' })
    const ended = once(child, 'exit', { signal: AbortSignal.timeout(10_000) }).finally(() => child.kill('SIGKILL'))
    await once(child.stderr, 'data')

    child.stdout.destroy()
    child.stdin.end()

    expect(await ended).toEqual([7, null])
  })

  it('keeps secrets out, whoever hands them over', () => {
    const { log, lines } = captured()

    log.info({ password: 'geheim', body: { refreshToken: 'geheim', email: 'geheim' } }, 'registered')
    log.child({ token: 'geheim' }).warn({ headers: { authorization: 'geheim' } }, 'refused')

    expect(lines.join('')).not.toContain('geheim')
  })

  it('tells an error with its causes', () => {
    const { log, read } = captured()

    log.error({ error: new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'ECONNREFUSED' }) }) }, 'failed')

    expect(read()[0].error).toMatchObject({ message: 'outer', cause: { message: 'inner', code: 'ECONNREFUSED' } })
  })

  it('writes nothing below its level', () => {
    const { log, lines } = captured('warn')

    log.info({}, 'quiet')
    log.request({ requestId: 'r', trace: '', method: 'GET', route: '/', path: '/', status: 200, ms: 1, actor: 'anonymous' })

    expect(lines).toEqual([])
  })
})
