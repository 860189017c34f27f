import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createHealth } from './health.ts';

const method = 'wechat_qr' as const;
const call = (health: ReturnType<typeof createHealth>, outcome: 'ok' | 'failed', now_ms: number, took_ms = 100) =>
  health.begin('a', method, now_ms).end(outcome, now_ms + took_ms);
const view = (health: ReturnType<typeof createHealth>, now_ms: number) => health.view('a', method, now_ms);

describe('an account', () => {
  it('of which nothing is known is good, and not certain', () => {
    const { breaker, success_ppm, calls } = view(
      createHealth(() => {}),
      0,
    );
    assert.deepEqual([breaker, success_ppm, calls], ['closed', 900_000, 0]);
  });

  it('follows its calls, and what is old counts less', () => {
    const health = createHealth(() => {});
    for (let n = 0; n < 100; n++) call(health, 'ok', n * 1000);
    const good = view(health, 100_000);
    assert.ok(good.success_ppm > 975_000 && good.calls > 50, JSON.stringify(good));
    assert.ok(view(health, 3_700_000).calls < good.calls / 20);
  });

  it('five failures in a row open the circuit, and others are told once', () => {
    const told: string[] = [];
    const health = createHealth((id) => told.push(id));
    for (let n = 0; n < 4; n++) call(health, 'failed', n * 1000);
    assert.equal(view(health, 4_500).breaker, 'closed');
    call(health, 'failed', 4_000);
    assert.deepEqual([view(health, 4_500).breaker, told], ['open', ['a']]);
  });

  it('half of the last calls open it too', () => {
    const health = createHealth(() => {});
    for (let n = 0; n < 20; n++) call(health, n % 2 ? 'ok' : 'failed', n * 100);
    assert.equal(view(health, 2_200).breaker, 'open');
  });

  it('calls that nobody answered in time count before they end', () => {
    const health = createHealth(() => {});
    for (let n = 0; n < 5; n++) health.begin('a', method, n);
    assert.equal(view(health, 1_700).breaker, 'closed');
    assert.equal(view(health, 1_900).breaker, 'open');
  });
});

describe('an open circuit', () => {
  const opened = () => {
    const health = createHealth(() => {});
    for (let n = 0; n < 5; n++) call(health, 'failed', 0, 0);
    return health;
  };
  it('lets one payment try after five seconds, and closes after three that went well', () => {
    const health = opened();
    assert.equal(view(health, 4_999).breaker, 'open');
    assert.deepEqual([view(health, 5_000).breaker, view(health, 5_000).probe_free], ['half_open', true]);
    const probe = health.begin('a', method, 5_000);
    assert.equal(view(health, 5_001).probe_free, false, 'one at a time');
    probe.end('ok', 5_100);
    call(health, 'ok', 5_200);
    assert.equal(view(health, 5_400).breaker, 'half_open');
    call(health, 'ok', 5_400);
    assert.equal(view(health, 5_600).breaker, 'closed');
  });
  it('stays open twice as long after each probe that failed', () => {
    const health = opened();
    call(health, 'failed', 5_000, 0);
    assert.equal(view(health, 14_999).breaker, 'open');
    assert.equal(view(health, 15_000).breaker, 'half_open');
  });
  it('of another node is believed', () => {
    const health = createHealth(() => assert.fail('that was told already'));
    health.suspect('a', method, 0);
    assert.deepEqual([view(health, 0).breaker, view(health, 5_000).breaker], ['open', 'half_open']);
  });
});

it('what was seen is handed on once, and taken over as if it had been seen here', () => {
  const [one, other] = [createHealth(() => {}), createHealth(() => {})];
  for (let n = 0; n < 30; n++) call(one, n < 3 ? 'failed' : 'ok', n * 10);
  const seen = one.drain();
  assert.deepEqual(seen, [{ channel_account_id: 'a', method, ok: 27, failed: 3, latency_ms_total: 3000 }]);
  assert.deepEqual(one.drain(), []);
  for (const each of seen) other.absorb(each, 400);
  assert.ok(other.view('a', method, 400).calls > 15);
});
