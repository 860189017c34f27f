import assert from 'node:assert/strict';
import { test } from 'node:test';
import { examples, scopes } from '@heliu/contract';
import { db_waiting_fair_ms_max, db_waiting_ms_max } from '../../kernel/limits.ts';
import type { Authenticate } from './edge.ts';
import { startTestServer } from './test-server.ts';

/** Whoever calls is the merchant that the request names. */
const anyMerchant = (): Authenticate => {
  return ({ headers }) => ({ caller: { merchant_id: String(headers['x-merchant']), livemode: false, api_key_id: 'key_01KAK000000000000000000000', scopes } });
};

/** A server on which a few requests of two merchants are held inside, and whose statements wait as long as the test says. */
async function busyServer() {
  const wait = { ms: 0 };
  const inside: (() => void)[] = [];
  let held = true;
  const result = examples.list_payments?.response;
  const handle = () => (held ? new Promise<unknown>((resolve) => inside.push(() => resolve(result))) : Promise.resolve(result));
  const t = await startTestServer({ handle, authenticateWith: anyMerchant, waiting_ms: () => wait.ms });
  const ask = (merchant: string) => t.send('GET', '/v1/payments', { headers: { 'x-merchant': merchant } });
  const waiting = ['large', 'large', 'large', 'small'].map(ask);
  while (inside.length < waiting.length) await new Promise((resolve) => setImmediate(resolve));
  held = false;
  return {
    t,
    ask: (merchant: string, wait_ms: number) => {
      wait.ms = wait_ms;
      return ask(merchant);
    },
    open: async () => {
      for (const go of inside.splice(0)) go();
      return (await Promise.all(waiting)).map(({ status }) => status);
    },
  };
}

test('L-07 when statements wait too long, every newcomer is refused at once and told when to come again, and those inside are served', async () => {
  const { t, ask, open } = await busyServer();
  try {
    assert.equal((await ask('small', db_waiting_ms_max - 1)).status, 200);
    for (const merchant of ['large', 'small', 'new']) {
      const refused = await ask(merchant, db_waiting_ms_max);
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get('retry-after'), '1');
      assert.equal((refused.body as { error: { code: string } }).error.code, 'overloaded');
    }
    assert.equal((await t.send('GET', '/healthz')).status, 200);
    assert.deepEqual(await open(), [200, 200, 200, 200]);
    assert.equal((await ask('large', 0)).status, 200);
  } finally {
    await t.close();
  }
});

test('L-09 when statements begin to wait, only the merchant with more than an equal share of the places is refused', async () => {
  const { t, ask, open } = await busyServer();
  try {
    assert.equal((await ask('large', db_waiting_fair_ms_max - 1)).status, 200);
    assert.equal((await ask('large', db_waiting_fair_ms_max)).status, 503);
    assert.equal((await ask('small', db_waiting_fair_ms_max)).status, 200);
    assert.equal((await ask('new', db_waiting_fair_ms_max)).status, 200);
    await open();
    assert.equal((await ask('large', db_waiting_fair_ms_max)).status, 200);
  } finally {
    await t.close();
  }
});

test('L-07 a refusal for want of time does not wait for authentication, which may ask the database', async () => {
  let asked = 0;
  const authenticateWith = (): Authenticate => () => {
    asked += 1;
    return new Promise(() => {});
  };
  const t = await startTestServer({ authenticateWith, waiting_ms: () => db_waiting_ms_max });
  try {
    assert.equal((await t.send('POST', '/v1/payments', { json: {} })).status, 503);
    assert.equal(asked, 0);
  } finally {
    await t.close();
  }
});
