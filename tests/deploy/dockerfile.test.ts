import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DockerfileRule, dockerfileRules, readStages } from './dockerfile-rules.ts'

const root = resolve(import.meta.dirname, '../..')
const text = readFileSync(resolve(root, 'Dockerfile'), 'utf8')
const ignored = readFileSync(resolve(root, '.dockerignore'), 'utf8').split('\n')

/** For every rule a change of the real file that breaks it. */
const broken: Record<keyof typeof dockerfileRules, (text: string) => string> = {
  'node-24-slim': (text) => text.replace(/^FROM node:24\.\d+-slim$/m, 'FROM node:latest'),
  'several-stages': (text) => text.slice(text.lastIndexOf('FROM ')),
  'non-root': (text) => text.replace('USER node', 'USER root'),
  'health-check': (text) => text.replace(/^HEALTHCHECK.*$/m, 'HEALTHCHECK NONE'),
  'locked-dependencies': (text) => text.replace('RUN npm ci', 'RUN npm install'),
  'no-development-dependencies': (text) => text.replace('--omit=dev ', ''),
  'native-package-only': (text) => text.replaceAll('node_modules/@node-rs', 'node_modules'),
  migrations: (text) => text.replaceAll('COPY drizzle drizzle', ''),
  'runs-the-bundle': (text) => text.replace(/^CMD.*$/m, 'CMD npm start'),
  'no-secrets': (text) => text.replace('ENV NODE_ENV=production', 'ENV NODE_ENV=production AUTH_SECRET=tide'),
}

describe('the Dockerfile', () => {
  it.each(Object.entries<DockerfileRule>(dockerfileRules))('keeps the rule %s', (_name, check) => {
    expect(check(readStages(text))).toEqual([])
  })

  it.each(Object.entries<DockerfileRule>(dockerfileRules))('is refused when %s is broken', (name, check) => {
    const changed = broken[name as keyof typeof broken](text)

    expect(check(readStages(changed))).not.toEqual([])
  })

  it('copies nothing that is not there or that the engine is not given', () => {
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, sources = '']) => sources.split(' '))

    for (const source of copied) {
      expect(existsSync(resolve(root, source)), source).toBe(true)
      expect(ignored, source).toContain(`!${source}`)
    }
  })

  it('gives the engine neither secrets nor data', () => {
    expect(ignored.slice(0, 2)).toContain('*')
    expect(ignored).not.toContain('!.env')
    expect(ignored).not.toContain('!.bulkhead')
  })
})
