import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

test('the operations guide names every metric of the program, and none that is not there', () => {
  const root = join(import.meta.dirname, '..', '..');
  const read = (path: string) => readFileSync(join(root, path), 'utf8');
  const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name as string);
  const program = globSync('server/**/*.ts', { cwd: root, exclude: (path) => path === 'node_modules' }).filter(
    (path) => !/\.test\.ts$|(^|\/)(sim|bench|testing)\//.test(path),
  );
  const calls = program.flatMap((path) => namesIn(read(path), /\bmetrics\??\.(?:count|gauge|observe)\(\s*([^,)]+)/g).map((name) => [path, name] as const));
  for (const [path, name] of calls) assert.match(name, /^'heliu_[a-z_]+'$/, `${path} names a metric in a way that cannot be looked up`);
  const known = new Set(calls.map(([, name]) => name.slice(1, -1)));
  assert.ok(known.size > 20, 'the calls were read');
  const told = new Set(namesIn(read('docs/guides/operations.md'), /`(heliu_[a-z_]+)[`{]/g));
  assert.deepEqual([...told].toSorted(), [...known].toSorted());
});
