import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMetrics } from './metrics.ts';

test('counts, gauges and observes under the names and labels of their first use', async () => {
  const metrics = createMetrics({ process_metrics: false });
  metrics.count('heliu_things_total', { result: 'ok' });
  metrics.count('heliu_things_total', { result: 'ok' }, 2);
  metrics.count('heliu_things_total', { result: 'no' });
  metrics.gauge('heliu_waiting', 7);
  metrics.gauge('heliu_waiting', 5);
  metrics.observe('heliu_seconds', 0.02);
  const text = await metrics.expose();
  assert.match(text, /^heliu_things_total\{result="ok"\} 3$/m);
  assert.match(text, /^heliu_things_total\{result="no"\} 1$/m);
  assert.match(text, /^heliu_waiting 5$/m);
  assert.match(text, /^heliu_seconds_bucket\{le="0\.01"\} 0$/m);
  assert.match(text, /^heliu_seconds_bucket\{le="0\.025"\} 1$/m);
});

test('refuses other labels under a name that is taken', () => {
  const metrics = createMetrics({ process_metrics: false });
  metrics.count('heliu_things_total', { result: 'ok' });
  assert.throws(() => metrics.count('heliu_things_total', { outcome: 'ok' }));
});

test('shows the process when asked, and nothing of one node in the registry of another', async () => {
  const first = createMetrics({ process_metrics: true });
  const second = createMetrics({ process_metrics: false });
  first.count('heliu_things_total');
  assert.match(await first.expose(), /^process_resident_memory_bytes \d+/m);
  assert.equal((await second.expose()).trim(), '');
});
