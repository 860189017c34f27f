import { createTestRng } from '../../testing/rng.ts';
import type { Arena, Notice, Reply } from './arena.ts';
import { type CommandName, commands, type Outcome } from './commands.ts';
import { createDice } from './dice.ts';
import { quiesce } from './quiet.ts';
import { newScene, type Scene } from './scene.ts';
import { createScheduler } from './scheduler.ts';
import { type StateName, states } from './states.ts';
import { brokenPromises, finalState, type Problem, unkeptMessages } from './verdict.ts';

export type Pair = readonly [CommandName, CommandName];

/** One order in which the steps of two commands were taken, and what came of it. */
export type Schedule = {
  readonly pair: Pair;
  readonly state: StateName;
  readonly nth: number;
  readonly steps: readonly string[];
  readonly blocked: number;
  readonly deadlocks: number;
  readonly final: string;
  readonly problems: readonly Problem[];
};

/** The states in which both commands mean something; where there is nothing yet, one of them creates it. */
export function statesOf(pair: Pair): readonly StateName[] {
  const [first, second] = pair;
  const creates = pair.includes('create') || pair.includes('create_again');
  return commands[first].in.filter((state) => commands[second].in.includes(state) && (creates || state !== 'new'));
}

/**
 * Races the two commands on a payment of their own, each on its node, then lets everything come to rest and holds the
 * replies against it; `verdict` holds the books. The same seed, pair and number give the same order of steps.
 */
export async function race(arena: Arena, seed: string, pair: Pair, nth: number): Promise<Schedule> {
  const name = `${seed}/${pair.join(',')}/${nth}`;
  const dice = createDice(createTestRng(`${name}/dice`));
  const possible = statesOf(pair);
  const state = possible[nth % possible.length];
  if (!state) throw new Error(`${pair.join(' and ')} never meet`);
  await arena.refresh();
  const scheduler = createScheduler({ seed: name, findBlocked: arena.findBlocked });
  const owner = arena.owners[dice.below(4) === 0 ? 1 : 0];
  const channels = dice.below(2) === 0 ? (['wechatpay', 'alipay'] as const) : (['alipay', 'wechatpay'] as const);
  const scene = newScene({ arena, owner, scheduler, dice, channels, order_no: `${pair.join('-')}-${nth}` });
  await states[state](scene);

  const running = pair.map((command, node): Promise<Outcome> => {
    const resumed = command === 'create' ? takeHanging(scene) : undefined;
    if (resumed !== undefined) return resumed.then((reply) => ({ command, reply, key: scene.order_no }));
    return scheduler.spawn(`${node} ${command}`, async () => ({ command, ...(await commands[command].run(scene, node as 0 | 1)) }));
  });
  const beside = takeHanging(scene);
  if (beside !== undefined) scene.others.push(beside);
  await scheduler.drive();
  const problems: Problem[] = [];
  const outcomes: Outcome[] = [];
  for (const [at, settled] of (await Promise.allSettled([...running, ...scene.others])).entries()) {
    if (settled.status === 'rejected') problems.push({ rule: 'no command throws', rows: [pair[at] ?? 'payer', String(settled.reason)] });
    else if (at < running.length) outcomes.push(settled.value as Outcome);
  }
  problems.push(...(await unkeptMessages(scene, outcomes)));

  // Of money that comes after the end only the message tells: that one is never lost.
  const loses = dice.below(3) === 0 && state !== 'late';
  const lost = new Set<Notice>(loses ? arena.notices : []);
  problems.push(...(await quiesce(arena, (notice) => lost.has(notice))));
  arena.notices.clear();
  const final = await finalState(scene);
  problems.push(...brokenPromises(scene, outcomes, final));
  return { pair, state, nth, steps: scheduler.trace, blocked: scheduler.blocked(), deadlocks: scheduler.deadlocks(), final: final.text, problems };
}

/** The create that was held before the race goes on as the command that it is, or beside the two. */
function takeHanging(scene: Scene): Promise<Reply> | undefined {
  const { hanging } = scene;
  scene.hanging = undefined;
  return hanging;
}
