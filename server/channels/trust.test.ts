import assert from 'node:assert/strict';
import { createSecretKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { channel_deadline_ms, trust_accounts_max, trust_probe_cooldown_ms, trust_refresh_window_ms, trust_refreshes_per_window_max } from '../kernel/limits.ts';
import type { Account, Trust, TrustFact } from './define.ts';
import { createTrustStore, startDeadline } from './trust.ts';

const hour_ms = 3_600_000;
const key = createSecretKey(Buffer.alloc(32, 1));
const keys = (...serials: string[]): Trust => new Map(serials.map((serial) => [serial, key]));
const anAccount = (id = 'acc_1', version = 1): Account => ({
  id,
  version,
  merchant_id: 'mer_1',
  merchant_code: 'ABCDEF',
  livemode: false,
  channel: 'artificial',
  config: {},
});

/** A gateway whose keys the test chooses, a clock that the test moves, and the number of times that keys were asked for. */
function aGateway(first: TrustFact) {
  const state = { now_ms: 0, fact: first, fetches: 0, gate: Promise.resolve() };
  const clock = { now: () => new Date(state.now_ms), monotonic_ms: () => state.now_ms, sleep: () => Promise.resolve() };
  const store = createTrustStore(clock);
  const fetch = async (): Promise<TrustFact> => {
    state.fetches++;
    await state.gate;
    return state.fact;
  };
  const verify = (serial: string, account = anAccount()) =>
    store.verify({
      account,
      source: { fetch, refresh_ms: 12 * hour_ms },
      deadline: startDeadline(clock, channel_deadline_ms),
      check: (trust) => (trust.has(serial) ? 'valid' : { unknown_key: serial }),
    });
  return { state, store, clock, verify };
}

const outage: TrustFact = { is: 'unknown', cause: 'timeout' };

describe('trust store', () => {
  it('fetches keys when they are first needed, and then holds them', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    assert.equal(await verify('A'), true);
    assert.equal(await verify('A'), true);
    assert.equal(state.fetches, 1);
  });

  it('CF-15 fetches once more for a serial that is not held, and keeps what the gateway lists', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    await verify('A');
    state.fact = { is: 'keys', keys: keys('A', 'B') };
    assert.equal(await verify('B'), true);
    assert.equal(await verify('A'), true);
    assert.equal(state.fetches, 2);
  });

  it('drops a key that the gateway no longer lists', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    await verify('A');
    state.fact = { is: 'keys', keys: keys('B') };
    assert.equal(await verify('B'), true);
    assert.equal(await verify('A'), false);
  });

  it('B-01 asks the gateway a bounded number of times, however many messages name unknown keys', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    for (let i = 0; i < 50; i++) assert.equal(await verify(`forged-${i}`), false);
    assert.equal(state.fetches, trust_refreshes_per_window_max);
    assert.equal(await verify('A'), true, 'the keys held go on working meanwhile');
    state.now_ms += trust_refresh_window_ms;
    state.fact = { is: 'keys', keys: keys('A', 'B') };
    assert.equal(await verify('B'), true, 'a real rotation is seen in the next window');
  });

  it('lets one caller fetch for all that wait', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    let open = () => {};
    state.gate = new Promise((done) => {
      open = done;
    });
    const waiting = Array.from({ length: 20 }, () => verify('A'));
    open();
    assert.deepEqual(await Promise.all(waiting), Array(20).fill(true));
    assert.equal(state.fetches, 1);
  });

  it('refreshes old keys, and keeps them when the gateway does not answer', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    await verify('A');
    state.now_ms += 12 * hour_ms;
    state.fact = outage;
    assert.equal(await verify('A'), true);
    assert.equal(state.fetches, 2);
    state.now_ms += trust_refresh_window_ms;
    state.fact = { is: 'keys', keys: keys('B') };
    assert.equal(await verify('A'), false, 'the refresh that worked took the old key away');
  });

  it('CF-15 B-18 has the gateway asked once in a while for the key of messages that name none', async () => {
    const { state, store, clock, verify } = aGateway({ is: 'keys', keys: keys('A') });
    let probes = 0;
    /** The answer to the question names the key that the gateway uses now. */
    const probe = (): Promise<unknown> => {
      probes++;
      return verify('B');
    };
    const unnamed = (serial: string) =>
      store.verify({
        account: anAccount(),
        source: { fetch: () => Promise.resolve(state.fact), refresh_ms: 12 * hour_ms, probe },
        deadline: startDeadline(clock, channel_deadline_ms),
        check: (trust) => (trust.has(serial) ? 'valid' : 'unnamed_key'),
      });
    await verify('A');
    state.fact = { is: 'keys', keys: keys('A', 'B') };
    assert.equal(await unnamed('B'), true, 'a new key is learnt by asking');
    for (let i = 0; i < 50; i++) assert.equal(await unnamed(`forged-${i}`), false);
    assert.equal(probes, 1);
    state.now_ms += trust_probe_cooldown_ms;
    assert.equal(await unnamed('forged'), false);
    assert.equal(probes, 2);
  });

  it('verifies nothing while keys never came', async () => {
    const { verify } = aGateway(outage);
    assert.equal(await verify('A'), false);
  });

  it('holds keys per account and version', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    await verify('A', anAccount('acc_1', 1));
    await verify('A', anAccount('acc_1', 2));
    await verify('A', anAccount('acc_2', 1));
    assert.equal(state.fetches, 3);
  });

  it('forgets the least recently used account when there are too many', async () => {
    const { state, verify } = aGateway({ is: 'keys', keys: keys('A') });
    for (let i = 0; i <= trust_accounts_max; i++) {
      await verify('A', anAccount(`acc_${i}`));
      await verify('A', anAccount('acc_0'));
    }
    const before = state.fetches;
    await verify('A', anAccount('acc_0'));
    assert.equal(state.fetches, before, 'acc_0 was always in use');
    await verify('A', anAccount('acc_1'));
    assert.equal(state.fetches, before + 1, 'acc_1 had to leave');
  });

  it('takes a verifier that throws for an invalid message', async () => {
    const { store, clock } = aGateway(outage);
    const deadline = startDeadline(clock, channel_deadline_ms);
    const check = () => {
      throw new TypeError('malformed signature');
    };
    assert.equal(await store.verify({ account: anAccount(), source: undefined, deadline, check }), false);
  });

  it('asks nobody where the configuration holds the keys', async () => {
    const { store, clock } = aGateway(outage);
    const deadline = startDeadline(clock, channel_deadline_ms);
    assert.equal(await store.verify({ account: anAccount(), source: undefined, deadline, check: () => 'valid' }), true);
    assert.equal(await store.verify({ account: anAccount(), source: undefined, deadline, check: () => ({ unknown_key: 'A' }) }), false);
  });
});
