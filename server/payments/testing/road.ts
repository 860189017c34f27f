import type { TestContext } from 'node:test';
import type { ChannelClient } from '../../channels/client.ts';
import type { Account } from '../../channels/define.ts';
import type { Statement } from '../../platform/db/db.ts';
import type { Shop } from './shop.ts';

type Call = 'pay' | 'query' | 'reverse' | 'refund' | 'refundQuery';
type Answer<Name extends Call> = Awaited<ReturnType<ChannelClient[Name]>>;
/** What happens to a call: `send` is the real one. `nth` counts the shop's calls of that name from 1, on all nodes. */
export type Way<Name extends Call> = (send: () => Promise<Answer<Name>>, nth: number) => Promise<Answer<Name>>;

/**
 * The road between Heliu and the gateways, for one shop and one test: calls can be delayed, cut off or answered badly at
 * the very moment that a test is about. The calls themselves stay real.
 */
export function onRoad<Name extends Call>(t: TestContext, shop: Shop, name: Name, way: Way<Name>): void {
  let calls = 0;
  for (const { ctx } of shop.world.nodes) {
    const real = ctx.channels[name] as (account: Account, input: unknown) => Promise<Answer<Name>>;
    const send = (account: Account, input: unknown) =>
      account.merchant_id === shop.merchant.id ? way(() => real(account, input), ++calls) : real(account, input);
    t.mock.method(ctx.channels, name, send as ChannelClient[Name]);
  }
}

/**
 * The request whose statement it is stands still right after the database has done it, on whichever node, until the test lets it go:
 * what a stopped machine looks like from outside. Once only.
 */
export function standStillAfter(t: TestContext, shop: Shop, is: (statement: Statement, values: readonly unknown[]) => boolean): Held {
  const gate = Promise.withResolvers<void>();
  t.after(() => gate.resolve());
  let reached = false;
  for (const { ctx } of shop.world.nodes) {
    const run = ctx.db.run.bind(ctx.db) as (statement: Statement, values: readonly unknown[]) => Promise<unknown[]>;
    t.mock.method(ctx.db, 'run', async (statement: Statement, values: readonly unknown[]) => {
      const rows = await run(statement, values);
      if (!reached && values.includes(shop.merchant.id) && is(statement, values)) {
        reached = true;
        await gate.promise;
      }
      return rows;
    });
  }
  return { reached: () => reached, release: () => gate.resolve() };
}

/** A call that a test keeps on the road until it lets it go. */
export type Held = { readonly reached: () => boolean; readonly release: () => void };

/** Keeps the next call of that name before it reaches the gateway, or its answer after it did. */
export function holdNext(t: TestContext, shop: Shop, name: Call, what: 'request' | 'answer'): Held {
  const gate = Promise.withResolvers<void>();
  // A test that fails before it releases must not keep the nodes from stopping.
  t.after(() => gate.resolve());
  let reached = false;
  const hold = async () => {
    reached = true;
    await gate.promise;
  };
  onRoad(t, shop, name, async (send, nth) => {
    if (nth > 1) return send();
    if (what === 'request') await hold();
    const answer = await send();
    if (what === 'answer') await hold();
    return answer;
  });
  return { reached: () => reached, release: () => gate.resolve() };
}
