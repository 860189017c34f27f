import { agent_levels_max } from '../../kernel/limits.ts';
import { type Refusal, refuse } from '../../kernel/refusal.ts';

/** 代理商: who brings merchants, and agents of its own, as the table has it. */
export type Agent = {
  readonly id: string;
  /** Whom it stands below; null at the top. */
  readonly parent_id: string | null;
  readonly name: string;
  /** A closed one takes no merchants and no agents. */
  readonly state: 'active' | 'closed';
  readonly created_at: Date;
};

/** Where each agent stands. */
export type Tree = ReadonlyMap<string, Pick<Agent, 'parent_id' | 'state'>>;

/**
 * May this agent stand below that one, with all that is below it? `id` need not be in the tree yet. `param` names the one it would
 * stand below. The tree is walked as far as it may be deep, so that one that was spoiled ends too.
 */
export function checkPlace(tree: Tree, { id, parent_id }: Pick<Agent, 'id' | 'parent_id'>, param: string): Refusal | undefined {
  if (parent_id === null) return undefined;
  const parent = tree.get(parent_id);
  if (!parent) return refuse('agent_not_found', param);
  if (parent.state === 'closed') return refuse('agent_closed', param);
  const above = pathOf(tree, parent_id);
  if (above.includes(id)) return refuse('agent_tree_circular', param);
  return above.length + levelsFrom(tree, id) > agent_levels_max ? refuse('agent_tree_too_deep', param) : undefined;
}

/** The agent and all above it, the nearest first. */
function pathOf(tree: Tree, id: string): readonly string[] {
  const path: string[] = [];
  for (let at: string | null | undefined = id; at && path.length <= agent_levels_max; at = tree.get(at)?.parent_id) path.push(at);
  return path;
}

/** How many levels the agent and what is below it take: one where nothing is. */
function levelsFrom(tree: Tree, id: string): number {
  return Math.max(1, ...[...tree.keys()].map((each) => pathOf(tree, each).indexOf(id) + 1));
}

/** Agents in the order of a tree, each with how deep it stands; one that leads to no top is left out. */
export function inTree<A extends Pick<Agent, 'id' | 'parent_id'>>(agents: readonly A[]): readonly (A & { readonly level: number })[] {
  const below = Map.groupBy(agents, ({ parent_id }) => parent_id);
  const from = (parent_id: string | null, level: number): (A & { readonly level: number })[] =>
    (below.get(parent_id) ?? []).flatMap((agent) => [{ ...agent, level }, ...from(agent.id, level + 1)]);
  return from(null, 1);
}
