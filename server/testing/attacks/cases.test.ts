import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { attacks_tested, attacks_without_a_target, lesser_attacks_tested } from './cases.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const tests = globSync(
  ['{cli,contract,sdk,server}/**/*.test.ts', 'server/channels/kit/checks-*.ts', 'server/testing/bad-requests.ts', 'server/testing/attacks/lies.ts'],
  {
    cwd: root,
    exclude: (path) => path.endsWith('node_modules'),
  },
);
/** What stands in the tests' own names and tables; a comment attacks nothing. */
const said = tests.map((path) => readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')).join('\n');

const critical_and_high = Object.values(attacks_tested).flat() as readonly string[];

it('every attack of the list that has a target is carried by a test under its id', () => {
  assert.ok(tests.length > 100, `${tests.length} files`);
  const missing = [...critical_and_high, ...lesser_attacks_tested].filter((id) => !new RegExp(`\\b${id}\\b`).test(said));
  assert.deepEqual(missing, []);
});

it('and every other one says why it has none', (t) => {
  const ids = [...critical_and_high, ...Object.keys(attacks_without_a_target)];
  assert.equal(new Set(ids).size, ids.length);
  for (const reason of Object.values(attacks_without_a_target)) assert.match(reason, /^[A-Z].+\.$/);
  // The critical and high cases of the five groups, counted in the list itself.
  assert.equal(ids.length, 70);
  t.diagnostic(`${critical_and_high.length} critical and high attacks tested, ${Object.keys(attacks_without_a_target).length} without a target`);
});
