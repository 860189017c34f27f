import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { dayStart, nextDay, previousDay } from '../../channels/bill.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { aShop, type Shop } from '../testing/shop.ts';
import { assignException } from './service.ts';

let world: World;
let shop: Shop;
before(async () => {
  world = await aWorld();
  shop = aShop(world, 'wechatpay');
});
after(() => world.close());

const get = (query: Readonly<Record<string, string>>) => world.api('GET', `/v1/recon_exceptions?${new URLSearchParams(query)}`);
const ids = async (query: Readonly<Record<string, string>>): Promise<readonly string[]> => {
  const { status, body, text } = await get(query);
  assert.equal(status, 200, text);
  return body.data.map(({ id }: { id: string }) => id);
};

it('lists by owner, channel, days, age and amount at risk, page by page', async () => {
  const first = shop.today();
  const found: string[] = [];
  for (const amount_fen of [10_000, 20_000]) {
    const biz_date = shop.today();
    shop.plant('missing', (await shop.pay({ amount_fen })).attempt?.channel_order_no as string);
    await shop.billDay(biz_date);
    found.push(...(await shop.exceptions({ state: 'open', kind: 'ours_only' })).filter((each) => each.biz_date === biz_date).map(({ id }) => id));
  }
  const [one, two] = found;
  assert.ok(one && two);
  const exceptions = await shop.exceptions({ kind: 'ours_only' });
  const [small] = exceptions.filter(({ id }) => id === one);
  assert.ok(small);
  await assignException(shop.ctx, { exception: small, owner: '财务 Ann', actor: { by: 'ann', note: null } });

  const second = nextDay(first);
  // Found half a day after its own day was over.
  const opened_before = (day: string) => ({ opened_before: dayStart(day).toISOString() });
  const table: readonly (readonly [Record<string, string>, readonly string[]])[] = [
    [{}, [two, one]],
    [{ owner: '财务 Ann' }, [one]],
    [{ owner: 'ann' }, []],
    [{ owner: 'none' }, [two]],
    [{ channel: 'wechatpay' }, [two, one]],
    [{ channel: 'alipay' }, []],
    [{ from: first, to: second }, [two, one]],
    [{ from: second }, [two]],
    [{ to: first }, [one]],
    [{ to: previousDay(first) }, []],
    [{ biz_date: first }, [one]],
    [{ at_risk_from_fen: '10001' }, [two]],
    [{ at_risk_from_fen: '20000', owner: 'none', from: second, channel: 'wechatpay' }, [two]],
    [opened_before(nextDay(second)), [one]],
    [opened_before(second), []],
  ];
  for (const [filter, expected] of table) assert.deepEqual(await ids({ kind: 'ours_only', ...filter }), expected, JSON.stringify(filter));

  const page = (await get({ kind: 'ours_only', from: first, limit: '1' })).body;
  assert.deepEqual(
    [page.data.map(({ id }: { id: string }) => id), await ids({ kind: 'ours_only', from: first, limit: '1', cursor: page.next_cursor })],
    [[two], [one]],
  );
  assert.equal((await get({ kind: 'ours_only', from: second, limit: '1', cursor: page.next_cursor })).body.error.param, 'cursor', 'a cursor is of its filters');
});

it('what is no filter is refused, by the name of its field', async () => {
  const day = shop.today();
  const table: readonly (readonly [Record<string, string>, string])[] = [
    [{ channel: 'nowhere' }, 'channel'],
    [{ channel: 'WeChat' }, 'channel'],
    [{ from: day, to: previousDay(day) }, 'to'],
    [{ from: '2026-02-30' }, 'from'],
    [{ to: 'yesterday' }, 'to'],
    [{ biz_date: day, from: day }, 'from'],
    [{ biz_date: day, to: day }, 'to'],
    [{ opened_before: day }, 'opened_before'],
    [{ at_risk_from_fen: '-1' }, 'at_risk_from_fen'],
    [{ at_risk_from_fen: '1.5' }, 'at_risk_from_fen'],
    [{ owner: '' }, 'owner'],
    [{ owner: 'a'.repeat(65) }, 'owner'],
    [{ livemode: 'true' }, 'livemode'],
  ];
  for (const [query, param] of table) {
    const { status, body } = await get(query);
    assert.deepEqual([status, body.error?.param], [400, param], JSON.stringify(query));
  }
});
