import type { IConfiguration } from 'dependency-cruiser'

export type ModuleName = 'user' | 'auth' | 'customer' | 'carrier' | 'pricing'

/** Who may know whom. */
export declare const neighbours: Readonly<Record<ModuleName, readonly ModuleName[]>>
/** Whose repository may read whose tables, and why. */
export declare const sharedTables: readonly { readonly reader: ModuleName; readonly owner: ModuleName; readonly reason: string }[]

declare const configuration: IConfiguration
export default configuration
