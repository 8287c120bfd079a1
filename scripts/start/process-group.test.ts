import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import type { ApiProcess } from './api.ts'
import { keepRunning } from './kept-process.ts'
import { type ProcessFiles, writeProcessFiles } from './process-files.ts'
import { keepProcesses } from './process-group.ts'

/** One that ends when it is told to. */
function fake(pid: number, ready: Promise<void> = Promise.resolve()): ApiProcess & { end(): void } {
  const { promise: ended, resolve } = Promise.withResolvers<{ code: number | null; signal: NodeJS.Signals | null }>()
  const end = (): void => resolve({ code: 1, signal: null })
  return { pid, ready, ended, end, showLog: () => {}, kill: end, stop: async () => end() }
}

describe('a kept process', () => {
  it('is started again when it ends, and once more when that one does not become ready', async () => {
    const dead = fake(2, Promise.reject(new Error('no memory')))
    const queue = [fake(1), dead, fake(3)]
    const [one] = queue
    const launched: boolean[] = []
    const said: string[] = []
    const marked: (number | undefined)[] = []
    const kept = keepRunning({
      name: 'api-1',
      launch: (isFirst) => {
        launched.push(isFirst)
        return queue.shift() ?? fake(0)
      },
      say: (line) => said.push(line),
      changed: () => {},
      mark: (pid) => marked.push(pid),
    })
    await kept.ready

    one?.end()
    await expect.poll(() => said.at(-1)).toBe('api-1 serves again (pid 3).')

    expect(launched).toEqual([true, false, false])
    expect(said).toContain('api-1 did not become ready: Error: no memory')
    expect(kept.pid).toBe(3)
    expect(marked).toEqual([1, undefined, 3])
  })

  it('stays ended when it was stopped', async () => {
    let launches = 0
    const kept = keepRunning({
      name: 'api-1',
      launch: () => {
        launches += 1
        return fake(launches)
      },
      say: () => {},
      changed: () => {},
      mark: () => {},
    })
    await kept.ready

    await kept.stop()
    await new Promise((resolve) => setImmediate(resolve))

    expect(launches).toBe(1)
  })
})

describe('the files of processes', () => {
  const folder = join(mkdtempSync(join(tmpdir(), 'bulkhead-files-')), 'processes')

  it('give back every value as it was, to their owner alone', () => {
    const values = ['', 'plain', 'a|b=c,d', 'with space', '#none', `it's`, 'a"b', '`', '$HOME', '\\n', ' edge ', `'"x`]
    const settings = Object.fromEntries(values.map((value, index) => [`V${index}`, value]))

    const files = writeProcessFiles(folder, { api: settings })

    expect({ ...files.read('api') }).toEqual(settings)
    expect(statSync(join(folder, 'api.env')).mode & 0o777).toBe(0o600)
  })

  it('refuse a value that no quotation marks hold', () => {
    expect(() => writeProcessFiles(folder, { api: { SECRET: `'"\`` } })).toThrow('SECRET cannot be written')
  })

  it('take the place of those of an earlier start', () => {
    writeProcessFiles(folder, { old: {} }).mark('old', 1)

    const files = writeProcessFiles(folder, { api: {} })

    expect(files.names()).toEqual(['api'])
    expect(files.read('old')).toBeUndefined()
    expect(() => readFileSync(join(folder, 'old.pid'))).toThrow('ENOENT')
  })
})

describe('a group of processes', () => {
  let folder: string
  let files: ProcessFiles
  let running: string[]
  let said: string[]
  const ends = new Map<number, () => void>()
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), 'bulkhead-group-')), 'processes')
    files = writeProcessFiles(folder, { one: { PORT: '1' } })
    running = []
    said = []
  })

  const group = () =>
    keepProcesses({
      files,
      launch: (name, { PORT }, isFirst) => {
        const process = fake(Number(PORT), PORT === '0' ? Promise.reject(new Error('no port')) : undefined)
        ends.set(Number(PORT), process.end)
        if (PORT === '0') process.end()
        const entry = `${name} ${PORT}${isFirst ? ' first' : ''}`
        running.push(entry)
        void process.ended.then(() => running.splice(running.indexOf(entry), 1))
        return process
      },
      say: (line) => said.push(line),
      changed: () => {},
    })
  const write = (name: string, port: number): void => writeFileSync(join(folder, `${name}.env`), `PORT=${port}\n`)
  const remove = (name: string): void => rmSync(join(folder, `${name}.env`))

  it('has a process more when a file comes and a process less when one goes', async () => {
    const processes = group()
    await processes.ready
    write('two', 2)
    writeFileSync(join(folder, 'three.env.draft'), 'PORT=3')
    processes.follow()
    await expect.poll(() => said.at(-1)).toBe('two serves (pid 2).')
    const both = [...running]
    const pid = readFileSync(join(folder, 'two.pid'), 'utf8')

    remove('one')
    for (let look = 0; look < 4; look += 1) processes.follow()
    await expect.poll(() => said.at(-1)).toBe('one has ended.')

    expect(both).toEqual(['one 1 first', 'two 2'])
    expect(pid).toBe('2\n')
    expect(running).toEqual(['two 2'])
    expect(() => readFileSync(join(folder, 'one.pid'))).toThrow('ENOENT')
  })

  it('lets a process be whose file is away for a moment, as editors do it', async () => {
    const processes = group()
    await processes.ready

    remove('one')
    for (let look = 0; look < 3; look += 1) processes.follow()
    write('one', 1)
    processes.follow()
    remove('one')
    for (let look = 0; look < 3; look += 1) processes.follow()

    expect([running, said]).toEqual([['one 1 first'], []])
  })

  it('lets one that leaves end before another of its name begins: it may have the port still', async () => {
    const leaving = fake(1)
    const { promise: hasDrained, resolve: drained } = Promise.withResolvers<void>()
    const queue = [{ ...leaving, stop: () => hasDrained.then(leaving.end) }, fake(2)]
    const processes = keepProcesses({
      files,
      launch: () => queue.shift() ?? fake(0),
      say: (line) => said.push(line),
      changed: () => {},
    })
    await processes.ready
    remove('one')
    for (let look = 0; look < 4; look += 1) processes.follow()
    write('one', 2)
    processes.follow()
    const whileItLeaves = queue.length
    drained()
    await expect.poll(() => said.at(-1)).toBe('one has ended.')
    processes.follow()
    await expect.poll(() => said.at(-1)).toBe('one serves (pid 2).')

    expect(whileItLeaves).toBe(1)
    expect(readFileSync(join(folder, 'one.pid'), 'utf8')).toBe('2\n')
  })

  it('reads the file again for the process that takes the place of another', async () => {
    const processes = group()
    await processes.ready
    write('one', 7)

    ends.get(1)?.()

    await expect.poll(() => said.at(-1)).toBe('one serves again (pid 7).')
    expect(processes.pids).toEqual([7])
  })

  it('tries one that came with a mistake again, and with what was mended', async () => {
    const processes = group()
    await processes.ready
    write('two', 0)
    processes.follow()
    await expect.poll(() => said).toContain('two did not become ready: Error: no port')

    write('two', 2)
    await expect.poll(() => running).toContain('two 2')
    await processes.stop()
  })
})
