import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { elsewhere } from './elsewhere.ts';
import { not_covered } from './not-covered.ts';
import { printInvariants } from './reference.ts';
import { rules } from './rules.ts';

it('every invariant from I-01 on has a rule, or a reason why it has none', () => {
  const ruled = new Set(rules.map(({ id }) => id.split('.')[0] as string));
  const reasoned = elsewhere.map(([id]) => id);
  assert.deepEqual(
    reasoned.filter((id) => ruled.has(id)),
    [],
    'both',
  );
  const last = Math.max(...[...ruled, ...reasoned].map((id) => Number.parseInt(id.slice(2), 10)));
  assert.ok(last >= 50);
  const wanted = [...Array.from({ length: last }, (_, at) => `I-${String(at + 1).padStart(2, '0')}`), 'I-28b'];
  assert.deepEqual([...ruled, ...reasoned].toSorted(), wanted.toSorted());
});

it('the page has a line for each', () => {
  const page = printInvariants();
  for (const { id } of rules) assert.ok(page.includes(`| \`${id}\` |`), id);
  for (const [id] of elsewhere) assert.ok(page.includes(`| \`${id}\` |`), id);
});

it('what is not covered is said of invariants that there are, in both languages, once each', () => {
  const page = printInvariants();
  const known = new Set([...rules.map(({ id }) => id.split('.')[0]), ...elsewhere.map(([id]) => id)]);
  const said = not_covered.map(([id]) => id);
  assert.deepEqual([said.filter((id) => !known.has(id)), new Set(said).size], [[], said.length]);
  for (const [id, { zh, en }] of not_covered) {
    assert.ok(/\p{Script=Han}/u.test(zh) && !/\p{Script=Han}/u.test(en), id);
    assert.ok(page.includes(zh) && page.includes(en), id);
  }
});

it('whatever holds an invariant instead of a rule is where the page says', () => {
  for (const [id, , , held_by] of elsewhere) {
    assert.ok(held_by.length > 0, id);
    for (const [file, name] of held_by) {
      const source = readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8').replaceAll('\\u2019', '\u2019');
      assert.ok(source.includes(name), `${id}: ${file} has no ${name}`);
    }
  }
});
