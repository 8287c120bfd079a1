/** What must hold for the image, read from the text of the Dockerfile: there is no engine in the tests. */

interface Stage {
  from: string
  lines: string[]
}

export type DockerfileRule = (stages: readonly Stage[]) => string[]

/** The instructions, continued lines joined, without comments, grouped by stage. */
export function readStages(text: string): Stage[] {
  const stages: Stage[] = []
  for (const line of text.replaceAll(/\\\n\s*/g, ' ').split('\n')) {
    const instruction = line.trim()
    if (instruction === '' || instruction.startsWith('#')) continue
    if (/^FROM /i.test(instruction)) stages.push({ from: instruction.split(/\s+/)[1] ?? '', lines: [] })
    else stages.at(-1)?.lines.push(instruction)
  }
  return stages
}

const all = (stages: readonly Stage[]): string[] => stages.flatMap(({ lines }) => lines)
const last = (stages: readonly Stage[]): string[] => stages.at(-1)?.lines ?? []
const unless = (holds: boolean, fault: string): string[] => (holds ? [] : [fault])

export const dockerfileRules = {
  'node-24-slim': (stages) =>
    stages.flatMap(({ from }) => unless(/^node:24\.\d+-slim$/.test(from), `${from}: build on node:24.<minor>-slim, pinned`)),
  'several-stages': (stages) => unless(stages.length >= 2, 'compilers and sources stay in an earlier stage'),
  'non-root': (stages) => {
    const user = last(stages).findLast((line) => /^USER /i.test(line))
    return unless(user !== undefined && !/^USER\s+(root|0)\b/i.test(user), 'the last USER must name an account that is not root')
  },
  'health-check': (stages) =>
    unless(
      last(stages).some((line) => /^HEALTHCHECK (?!NONE)/i.test(line)),
      'give the image a HEALTHCHECK',
    ),
  'locked-dependencies': (stages) =>
    all(stages)
      .filter((line) => /npm (i|install|add|update)\b/.test(line))
      .map((line) => `${line}: install what the lockfile names, with npm ci`),
  'no-development-dependencies': (stages) => [
    ...unless(
      all(stages).some((line) => /npm ci\b.*--omit=dev/.test(line)),
      'one stage installs without development dependencies (npm ci --omit=dev)',
    ),
    ...last(stages)
      .filter((line) => /^RUN .*\bnpm\b/i.test(line) || /^COPY .*--from=build\b.*node_modules/i.test(line))
      .map((line) => `${line}: the image takes no dependencies from the stage that has those of development`),
  ],
  // Whole node_modules would carry a second Node of 100 MB; without optional packages hashing has no native part.
  'native-package-only': (stages) => {
    const copied = last(stages).filter((line) => /node_modules/.test(line))
    return [
      ...unless(
        copied.some((line) => line.includes('node_modules/@node-rs')),
        'copy node_modules/@node-rs: password hashing is machine code',
      ),
      ...copied
        .filter((line) => /node_modules\/?\s/.test(`${line} `))
        .map((line) => `${line}: copy single packages, not all of node_modules`),
      ...all(stages)
        .filter((line) => line.includes('--omit=optional'))
        .map((line) => `${line}: the native part of @node-rs/argon2 is an optional package`),
    ]
  },
  migrations: (stages) =>
    unless(
      last(stages).some((line) => /^COPY .*\bdrizzle\b/.test(line)),
      'copy drizzle/: the migrations belong to the image',
    ),
  'runs-the-bundle': (stages) =>
    unless(
      last(stages).some((line) => /^CMD \["node", "dist\/server\.mjs"\]$/.test(line)),
      'CMD runs the bundle, in the form that passes signals on',
    ),
  'no-secrets': (stages) =>
    all(stages)
      .filter((line) => /^(ENV|ARG) .*(PASSWORD|SECRET|TOKEN|_KEY)/i.test(line))
      .map((line) => `${line.split('=')[0]}: secrets do not go into images`),
} as const satisfies Record<string, DockerfileRule>
