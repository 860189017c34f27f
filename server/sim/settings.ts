import { type Method, methods } from '@heliu/contract';
import { revokeApiKey } from '../access/service.ts';
import { channels } from '../channels/registry.ts';
import { pauseChannelAccount, resumeChannelAccount, resumeMerchant, suspendMerchant, updateChannelAccount, updateMerchant } from '../merchants/service.ts';
import type { Ctx } from '../platform/ctx.ts';
import { isInjected } from './database.ts';
import type { Dice } from './dice.ts';
import { type Answer, ask, codeOf, type Merchant, newKey, saysNothing } from './merchants.ts';
import { changeWish } from './policies.ts';
import type { World } from './world.ts';

const harmless = ['secret', 'secret', 'key', 'key', 'name', 'account', 'policy', 'policy', 'policy'] as const;
/** A world has up to a hundred changes: were many of them stops, it would have few payments. */
const stops_share = 0.08;
const stops_max = 3;

/** OF-14: something of the configuration changes while payments are under way. */
export async function changeSomething(world: World, merchant: Merchant): Promise<void> {
  const dice = world.sim.faults.dice('OF-14');
  const ctx = world.someCtx();
  const merchant_id = merchant.id;
  const may_stop = world.merchants.reduce((sum, { stops }) => sum + stops, 0) < stops_max && dice.chance(stops_share);
  switch (may_stop ? dice.pick(['pause', 'suspend'] as const) : dice.pick(harmless)) {
    case 'secret':
      return rotateSecret(world, merchant);
    case 'key': {
      const fresh = await newKey(ctx, merchant, merchant.signing !== undefined);
      const old = merchant.key_id;
      Object.assign(merchant, fresh);
      await revokeApiKey(ctx, { merchant_id, api_key_id: old });
      return;
    }
    case 'name':
      await updateMerchant(ctx, { merchant_id, name: `商户 ${merchant.at} 新` });
      return;
    case 'account': {
      const [channel = ''] = [...merchant.accounts.keys()];
      const channel_account_id = merchant.accounts.get(channel) as string;
      await updateChannelAccount(ctx, { merchant_id, channel_account_id, name: `${channel} 新`, priority: 50 });
      return;
    }
    case 'policy':
      return changePolicy(world, ctx, merchant, dice);
    case 'pause':
      return stop(world, merchant, dice, pauseOf(merchant, dice));
    default:
      return stop(world, merchant, dice, suspensionOf(merchant));
  }
}

async function rotateSecret({ sim, network, receivers }: World, merchant: Merchant): Promise<void> {
  if (merchant.rotating) return;
  merchant.rotating = true;
  const path = `/v1/webhook_endpoints/${merchant.endpoint_id}/rotate_secret`;
  const idempotency_key = `rotate-${sim.scheduler.now_ms()}`;
  for (let tries = 0; tries < 20; tries++) {
    const rotated = await ask(sim, network, merchant, { method: 'POST', path, body: { overlap_s: 86_400 }, idempotency_key });
    if (rotated?.status === 200) {
      receivers.trust(merchant.at, rotated.body.secret);
      merchant.rotating = false;
      return;
    }
    await sim.sleep(5_000);
  }
}

async function changePolicy({ sim }: World, ctx: Ctx, merchant: Merchant, dice: Dice): Promise<void> {
  const policy = { duplicate_policy: dice.pick(['refund', 'keep'] as const), late_policy: dice.pick(['refund', 'accept'] as const) };
  const change = changeWish(merchant.wishes, policy, sim.scheduler.now_ms);
  try {
    await updateMerchant(ctx, { merchant_id: merchant.id, ...policy });
    change.done();
  } catch (error) {
    change.failed();
    throw error;
  }
}

/** What takes nothing new for a while: how it is stopped and goes on, and what is asked of it meanwhile. */
type Stop = {
  readonly what: string;
  readonly stop: (ctx: Ctx) => Promise<unknown>;
  readonly resume: (ctx: Ctx) => Promise<unknown>;
  readonly order: Readonly<Record<string, string>>;
  readonly isRight: (answer: Answer) => boolean;
};

function suspensionOf({ id: merchant_id }: Merchant): Stop {
  return {
    what: 'merchant',
    stop: (ctx) => suspendMerchant(ctx, merchant_id),
    resume: (ctx) => resumeMerchant(ctx, merchant_id),
    order: { method: 'wechat_qr' },
    isRight: (answer) => answer.status === 403 && codeOf(answer) === 'merchant_suspended',
  };
}

/** Whoever names the account is told that it is paused; whoever does not may be sent to another one. */
function pauseOf({ id: merchant_id, accounts }: Merchant, dice: Dice): Stop {
  const [channel, channel_account_id] = dice.pick([...accounts]);
  const account = { merchant_id, channel_account_id };
  const taken = Object.keys(channels.get(channel)?.pay ?? {}) as Method[];
  const method = taken.find((each) => methods[each].scene === 'qr') ?? 'wechat_qr';
  const named = dice.chance(0.5);
  return {
    what: channel,
    stop: (ctx) => pauseChannelAccount(ctx, account),
    resume: (ctx) => resumeChannelAccount(ctx, account),
    order: { method, ...(named ? { channel_account_id } : {}) },
    isRight: (answer) =>
      answer.status < 300
        ? answer.body.attempt?.channel_account_id !== channel_account_id
        : [named ? 'channel_account_paused' : 'no_channel_account', 'merchant_suspended'].includes(codeOf(answer)),
  };
}

/** News of a change reaches every node by then, also where it is lost on its way. */
const known_after_ms = 3_000;
/** Longer than a node waits for its database. */
const patience_ms = 20_000;
const stand_still = ['OF-02', 'OF-10'] as const;
/** Of all stops, those that last until everything has come to rest. */
const lasting_share = 0.1;

/** Nothing new is taken, and with the right words; what is under way comes to its end all the same, which is seen when all is at rest. */
async function stop(world: World, merchant: Merchant, dice: Dice, { what, stop: begin, resume, order, isRight }: Stop): Promise<void> {
  const { sim } = world;
  if (merchant.stopped.has(what)) return;
  merchant.stopped.add(what);
  merchant.stops += 1;
  const lasts_ms = dice.chance(lasting_share) ? undefined : dice.between(2, 30) * 1000;
  const begun = begin(world.someCtx()).then(
    () => true,
    (error: unknown) => {
      if (!isInjected(error)) throw error;
      return false;
    },
  );
  const is_stopped = await Promise.race([begun, sim.sleep(patience_ms).then(() => false)]);
  await sim.sleep(known_after_ms);
  // A node that stood still hears of it when it goes on, and may be asked before that.
  if (is_stopped && !stand_still.some((id) => sim.faults.on.includes(id))) await probe(world, merchant, order, isRight);
  if (lasts_ms === undefined) return;
  await sim.sleep(lasts_ms);
  while (merchant.stopped.has(what) && !(await goesOn(world, resume))) await sim.sleep(2_000);
  merchant.stopped.delete(what);
}

async function probe({ sim, network }: World, merchant: Merchant, order: Stop['order'], isRight: Stop['isRight']): Promise<void> {
  for (let node = 0; node < network.nodes.length; node++) {
    const merchant_order_no = `stopped-${merchant.at}-${Math.floor(sim.scheduler.now_ms())}`;
    const body = { merchant_order_no, amount_fen: 307, subject: '一杯茶', expires_in_s: 60, ...order };
    const answer = await ask(sim, network, merchant, { method: 'POST', path: '/v1/payments', body, node });
    // Its key may have been another one by then.
    if (!answer || saysNothing(answer) || answer.status === 401 || isRight(answer)) continue;
    merchant.broken.push(`A-08 what takes nothing new was asked for ${JSON.stringify(order)} and answered ${answer.status} ${answer.text.slice(0, 300)}`);
  }
}

/** Asked for until it is done: whoever stopped it wants it back. */
function goesOn({ sim, network, someCtx }: World, resume: Stop['resume']): Promise<boolean> {
  if (network.nodes.length === 0) return Promise.resolve(false);
  const resumed = resume(someCtx()).then(
    () => true,
    (error: unknown) => {
      if (!isInjected(error)) throw error;
      return false;
    },
  );
  return Promise.race([resumed, sim.sleep(patience_ms).then(() => false)]);
}

/** Asked for when all is at rest and nothing goes wrong: merchants and accounts go on. */
export async function resumeAll({ merchants, someCtx }: World): Promise<void> {
  for (const merchant of merchants) {
    if (merchant.stops === 0) continue;
    merchant.stopped.clear();
    await resumeMerchant(someCtx(), merchant.id);
    for (const channel_account_id of merchant.accounts.values()) await resumeChannelAccount(someCtx(), { merchant_id: merchant.id, channel_account_id });
  }
}
