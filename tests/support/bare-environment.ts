import { resolve } from 'node:path'

/** What every process needs, whatever it is told besides: programs are found, and what was compiled once is not compiled again. */
export const bareEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env.PATH,
  NODE_COMPILE_CACHE: resolve(import.meta.dirname, '../../node_modules/.cache/node'),
}
