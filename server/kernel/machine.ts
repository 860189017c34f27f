/** A state machine as data: the diagrams in the docs are printed from it, and one exhaustive test reads all of them. */
export type Table<State extends string, Step extends string> = {
  readonly name: string;
  readonly initial: State;
  /** Nothing more is asked of an object in these states, though late evidence may still move some of them. */
  readonly resting: readonly State[];
  readonly moves: { readonly [S in State]: { readonly [E in Step]?: State } };
};

/** The state after the step, or undefined where the table does not allow it. */
export function move<State extends string, Step extends string>(table: Table<State, Step>, from: State, step: Step): State | undefined {
  return table.moves[from][step];
}
