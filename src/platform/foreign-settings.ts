import { databaseNames, settingPrefix } from './database-names.ts'
import { type ModuleName, moduleTable } from './module-table.ts'
import { Settings, settingGroups } from './settings.ts'

export type SettingName = keyof Settings

/** Every setting, in the order in which people read them. */
export const settingsInOrder = Object.keys(Settings.properties) as readonly SettingName[]

/** Never shown, and perhaps in a file that `<NAME>_FILE` names. */
export const isSecretSetting = (name: SettingName): boolean => 'x-secret' in Settings.properties[name]

const ofIdentity: ReadonlySet<string> = new Set(Object.keys(settingGroups.Identity))

/** What a process with these modules has no business with, and whose it is: other databases, and identity where auth is elsewhere. */
export function foreignSettings(modules: readonly ModuleName[]): ReadonlyMap<SettingName, string> {
  const isHosted = (database: string): boolean => modules.some((module) => moduleTable[module].database === database)
  const others = databaseNames.filter((name) => !isHosted(name))
  const foreign = new Map<SettingName, string>()
  for (const setting of settingsInOrder) {
    const database = others.find((name) => setting.startsWith(`${settingPrefix[name]}_`))
    if (database) foreign.set(setting, `the database ${database}`)
    else if (ofIdentity.has(setting) && !modules.includes('auth')) foreign.set(setting, 'auth')
  }
  return foreign
}
