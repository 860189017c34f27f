import assert from 'node:assert/strict';
import type { RuleSetBody } from '@heliu/contract';
import { createChannelAccount } from '../../merchants/service.ts';
import { newShop, type Shop } from '../../payments/testing/shop.ts';
import type { World } from '../../testing/world.ts';

/** A shop with several accounts for one wallet: what tests of routing turn, limit and break. */
export type Branches = Shop & {
  /** Accounts of the simulated WeChat Pay, each a merchant of its own there, in the order of their priority. */
  readonly ids: readonly string[];
  readonly rules: (body: Omit<RuleSetBody, 'name'>) => Promise<void>;
  readonly terms: (account_id: string, terms: object) => Promise<void>;
  readonly accountOf: (payment_id: string) => Promise<string>;
};

export async function someBranches(world: World, count: number): Promise<Branches> {
  const shop = await newShop(world);
  const simulator = world.simulators.get('wechatpay');
  assert(simulator);
  const ids = [shop.accounts.get('wechatpay') as string];
  while (ids.length < count) {
    const settings = await simulator.enroll({ mode: 'direct', trust: 'public_key' });
    const account = { merchant_id: shop.merchant.id, livemode: false, channel: 'wechatpay', name: `分店 ${ids.length}`, settings, priority: 100 + ids.length };
    ids.push((await createChannelAccount(world.ctx, account)).id);
  }
  const told = async (path: string, body: object) => {
    const answer = await shop.post(path, body);
    assert.ok(answer.status < 300, answer.text);
  };
  return {
    ...shop,
    ids,
    rules: (body) => told('/v1/routing/rule_sets', { name: '规则', ...body }),
    terms: (account_id, terms) => told(`/v1/routing/accounts/${account_id}/terms`, terms),
    accountOf: async (payment_id) => (await shop.retrieve(payment_id)).attempt.channel_account_id,
  };
}
