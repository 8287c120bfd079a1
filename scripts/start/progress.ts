/** Tells on standard error what is being done: one line per step, which on a terminal shows itself while it lasts. */
export interface Progress {
  step<R>(title: string, work: (say: (detail: string) => void) => Promise<R>): Promise<R>
  say(line: string): void
}

interface Output {
  isTTY?: boolean
  write(text: string): unknown
}

export function createProgress(output: Output = process.stderr): Progress {
  const live = output.isTTY === true
  return {
    say: (line) => void output.write(`${line}\n`),
    step: async (title, work) => {
      const began = performance.now()
      let detail = ''
      if (live) output.write(`  · ${title} …`)
      const finish = (mark: string): void => {
        const took = `${((performance.now() - began) / 1_000).toFixed(2)} s`
        output.write(`${live ? '\r\u001b[2K' : ''}  ${mark} ${title}${detail === '' ? '' : `: ${detail}`} (${took})\n`)
      }
      try {
        const result = await work((text) => {
          detail = text
          if (live) output.write(`\r\u001b[2K  · ${title}: ${text} …`)
        })
        finish('✓')
        return result
      } catch (error) {
        finish('✗')
        throw error
      }
    },
  }
}
