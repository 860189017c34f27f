import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { attacks_tested, attacks_tested_in_part, attacks_without_a_target, lesser_attacks_tested } from './cases.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const tests = globSync(
  ['{cli,contract,sdk,server}/**/*.test.ts', 'server/channels/kit/checks-*.ts', 'server/testing/bad-requests.ts', 'server/testing/attacks/lies.ts'],
  { cwd: root, exclude: (path) => path.endsWith('node_modules') },
);

/**
 * A test carries a case by beginning its title, or its row of a table, with the id: alone, or among other ids with spaces
 * between them (`A-13 A-19: a query`). An id anywhere else in a test says nothing, and a comment attacks nothing.
 */
const carried = /(?<=['"`])[A-Z]{1,2}-\d+(?: [A-Z]{1,2}-\d+)*(?=['"`:]| )/g;
const an_id = /\b[ABEFJ]-\d\d\b/g;
const texts = tests.map((path) => ({ path, text: readFileSync(join(root, path), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '') }));
const said = new Set(texts.flatMap(({ text }) => [...text.matchAll(carried)].flatMap(([ids]) => ids.split(' '))));

const critical_and_high = Object.values(attacks_tested).flat() as readonly string[];

it('every attack of the list that has a target is carried by a test under its id', () => {
  assert.ok(tests.length > 100, `${tests.length} files`);
  const missing = [...critical_and_high, ...lesser_attacks_tested].filter((id) => !said.has(id));
  assert.deepEqual(missing, []);
});

it('and an id stands where it counts or nowhere: one further on in a title would be read as a test of that attack', () => {
  const elsewhere = texts
    .filter(({ path }) => !path.endsWith('attacks/cases.test.ts'))
    .flatMap(({ path, text }) => (text.replace(carried, '').match(an_id) ?? []).map((id) => `${id} in ${path}`));
  assert.deepEqual(elsewhere, []);
});

it('and no test carries a case of these groups that says of itself that it has no target', () => {
  assert.deepEqual(
    Object.keys(attacks_without_a_target).filter((id) => said.has(id)),
    [],
  );
});

it('and every other one says why it has none', (t) => {
  const ids = [...critical_and_high, ...Object.keys(attacks_without_a_target)];
  assert.equal(new Set(ids).size, ids.length);
  for (const id of Object.keys(attacks_tested_in_part)) assert.ok(critical_and_high.includes(id), id);
  for (const reason of Object.values({ ...attacks_tested_in_part, ...attacks_without_a_target })) assert.match(reason, /^[A-Z].+\.$/);
  // The critical and high cases of the five groups, counted in the list itself.
  assert.equal(ids.length, 70);
  t.diagnostic(`${critical_and_high.length} critical and high attacks tested, ${Object.keys(attacks_without_a_target).length} without a target`);
});
