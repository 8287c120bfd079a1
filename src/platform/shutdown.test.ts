import { EventEmitter } from 'node:events'
import { describe, expect, it, vi } from 'vitest'
import { memoryLog } from '#support/http.ts'
import { installShutdown, type ShutdownStep } from './shutdown.ts'

/** A process that notes its exit instead of ending. */
function host() {
  const emitter = new EventEmitter()
  const exits: number[] = []
  return {
    exits,
    signal: (name: string, ...args: unknown[]) => emitter.emit(name, ...args),
    process: {
      on: emitter.on.bind(emitter),
      off: emitter.off.bind(emitter),
      exit: (code?: number) => {
        exits.push(code ?? 0)
      },
    } as unknown as Pick<NodeJS.Process, 'on' | 'off' | 'exit'>,
  }
}

const never: ShutdownStep = { name: 'never ends', run: () => new Promise<void>(() => {}) }

describe('a signal', () => {
  it('runs the steps in order and leaves with 0', async () => {
    const { exits, signal, process } = host()
    const done: string[] = []
    const step = (name: string): ShutdownStep => ({ name, run: async () => void done.push(name) })
    installShutdown({ log: memoryLog(), process, steps: [step('one'), step('two'), step('three')] })

    signal('SIGTERM')
    await vi.waitFor(() => expect(exits).toEqual([0]))

    expect(done).toEqual(['one', 'two', 'three'])
  })

  it('runs every step although one failed, and leaves with 1', async () => {
    const { exits, signal, process } = host()
    const last = vi.fn()
    installShutdown({
      log: memoryLog(),
      process,
      steps: [
        { name: 'fails', run: () => Promise.reject(new Error('no')) },
        { name: 'last', run: last },
      ],
    })

    signal('SIGINT')
    await vi.waitFor(() => expect(exits).toEqual([1]))

    expect(last).toHaveBeenCalledOnce()
  })

  it('that comes twice at once is one; a later one means now', async () => {
    const { exits, signal, process } = host()
    installShutdown({ log: memoryLog(), process, steps: [never], sameSignalMs: 100 })

    signal('SIGINT')
    signal('SIGINT')
    expect(exits).toEqual([])
    await vi.waitFor(() => {
      signal('SIGINT')
      expect(exits).toEqual([1])
    })
  })

  it('ends a process that hangs, and names what hung', async () => {
    const { exits, signal, process } = host()
    const log = memoryLog()
    installShutdown({ log, process, steps: [never], hardExitMs: 50, stillRunning: () => ['POST /v1/quotes for 9000 ms'] })

    signal('SIGTERM')
    await vi.waitFor(() => expect(exits).toEqual([1]))

    expect(log.lines.find(({ level }) => level === 'error')?.fields).toEqual({
      step: 'never ends',
      stillRunning: ['POST /v1/quotes for 9000 ms'],
    })
  })
})

describe('an error that nobody caught', () => {
  it.each(['uncaughtException', 'unhandledRejection'])('is logged, goes the same way and leaves with 1: %s', async (kind) => {
    const { exits, signal, process } = host()
    const log = memoryLog()
    const step = vi.fn()
    installShutdown({ log, process, steps: [{ name: 'step', run: step }] })

    signal(kind, new Error('lost'))
    await vi.waitFor(() => expect(exits).toEqual([1]))

    expect(step).toHaveBeenCalledOnce()
    expect(log.lines[0]).toMatchObject({ level: 'error', fields: { error: new Error('lost') } })
  })
})
