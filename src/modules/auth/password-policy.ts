import { PasswordTooWeak } from './errors.ts'

/** Which passwords are refused: short ones and those somebody who knows the person would guess. No composition rules. */
export interface PasswordPolicy {
  /** Rejects with PASSWORD_TOO_WEAK, which says why. `path`: where the password stood in the body. */
  require(password: string, person: PersonHints, path?: string): Promise<void>
}

export interface PersonHints {
  email: string
  names: readonly string[]
}

/** Below this number of guesses, as zxcvbn estimates it. */
const fewestGuesses = 1e8
/** The estimate costs more than linear time; nobody guesses what lies behind. */
const judgedCharacters = 100
/**
 * Readings of digits and signs as letters that are tried. Their number grows without end on a password made of such signs, and
 * with the library's 100 one registration holds the process for a second or more.
 */
const judgedReadings = 5
const shortestLocalPart = 4

export function createPasswordPolicy({ minLength }: { minLength: number }): PasswordPolicy {
  let estimator: ReturnType<typeof loadEstimator> | undefined

  async function weaknessOf(password: string, { email, names }: PersonHints): Promise<string | undefined> {
    if ([...password].length < minLength) return `it has fewer than ${minLength} characters`
    if (!password.isWellFormed()) return 'it holds half a character, which cannot be stored'
    const local = email.slice(0, email.lastIndexOf('@'))
    if (local.length >= shortestLocalPart && password.toLowerCase().includes(local.toLowerCase())) return 'it contains your e-mail address'
    estimator ??= loadEstimator()
    const { guesses, feedback } = (await estimator).check([...password].slice(0, judgedCharacters).join(''), [
      'bulkhead',
      email,
      local,
      ...email.split(/[@._+-]/),
      ...names.flatMap((name) => [name, ...name.split(/\s+/)]),
    ])
    if (guesses >= fewestGuesses) return undefined
    return feedback.warning ? lowerFirst(feedback.warning) : 'it is made of words or patterns that are tried first'
  }

  return {
    async require(password, person, path = '/password') {
      const reason = await weaknessOf(password, person)
      if (reason === undefined) return
      throw PasswordTooWeak({ reason }, { faults: [{ in: 'body', path, code: PasswordTooWeak.code, message: reason }] })
    },
  }
}

/** The dictionaries are large: they are loaded when the first password is chosen, not when the process starts. */
async function loadEstimator() {
  const [{ ZxcvbnFactory }, common, english] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
    import('@zxcvbn-ts/language-en'),
  ])
  return new ZxcvbnFactory({
    dictionary: { ...common.dictionary, ...english.dictionary },
    graphs: common.adjacencyGraphs,
    translations: english.translations,
    maxLength: judgedCharacters,
    l33tMaxSubstitutions: judgedReadings,
  })
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '')
