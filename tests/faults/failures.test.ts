import { scenarioGroups } from './scenarios.ts'
import { shortForms } from './short-forms.ts'

shortForms(scenarioGroups.failures, 'at once')
