import type { Dispatcher, Pool } from 'undici'

/** One POST and the whole text of what comes back. By dispatch, because a stream for every answer costs more than the answer. */
export interface Answer {
  status: number
  text: string
}

export interface Post {
  path: string
  headers: Record<string, string>
  body: string
  /** Aborted: the connection is given up, and this rejects with the reason. */
  signal: AbortSignal | undefined
}

/** Larger answers are refused: a list has at most 200 things. */
const largestAnswer = 8_388_608

export function post(pool: Pool, { path, headers, body, signal }: Post): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // An abort that came before is told to nobody who begins to listen now.
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const chunks: Buffer[] = []
    let status = 0
    let size = 0
    let controller: Dispatcher.DispatchController | undefined
    const giveUp = (): void => {
      const { reason }: { reason?: unknown } = signal ?? {}
      controller?.abort(reason instanceof Error ? reason : new Error('the call was given up', { cause: reason }))
      reject(reason)
    }
    const end = (settle: () => void): void => {
      signal?.removeEventListener('abort', giveUp)
      settle()
    }
    signal?.addEventListener('abort', giveUp, { once: true })
    pool.dispatch(
      { method: 'POST', path, headers, body },
      {
        onRequestStart(started) {
          controller = started
          // While it waited for a connection it may have become too late.
          if (signal?.aborted) giveUp()
        },
        onResponseStart(_, code) {
          status = code
        },
        onResponseData(given, chunk) {
          size += chunk.length
          if (size > largestAnswer) given.abort(new Error(`the answer is larger than ${largestAnswer} bytes`))
          else chunks.push(chunk)
        },
        onResponseEnd: () => end(() => resolve({ status, text: textOf(chunks) })),
        onResponseError: (_, error) => end(() => reject(error)),
      },
    )
  })
}

function textOf([first, ...more]: readonly Buffer[]): string {
  if (!first) return ''
  return more.length === 0 ? first.toString() : Buffer.concat([first, ...more]).toString()
}
