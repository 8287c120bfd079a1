/**
 * What may become of a thing: a table of actions, each with the states it leaves and the one it reaches. The table is data, so
 * that the service, its tests and the documents read the same one.
 */
export interface Transition<S extends string> {
  readonly from: readonly S[]
  readonly to: S
}

export type Machine<S extends string, A extends string> = Readonly<Record<A, Transition<S>>>

/**
 * `move`: the action leads from this state to its end state. `reached`: the end state is there already, so a repeat changes
 * nothing and says nothing. `refused`: it does not lead away from here.
 */
export type Step = 'move' | 'reached' | 'refused'

export function stepOf<S extends string>(transition: Transition<S>, state: S): Step {
  if (transition.from.includes(state)) return 'move'
  return transition.to === state ? 'reached' : 'refused'
}
