import { scenarioGroups } from './scenarios.ts'
import { shortForms } from './short-forms.ts'

shortForms(scenarioGroups.restarts, 'in turn')
