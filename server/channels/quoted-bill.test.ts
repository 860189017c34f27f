import assert from 'node:assert/strict';
import { it } from 'node:test';
import { BillProblem, readColumns } from './bill.ts';
import { meaningIn, type Row } from './quoted-bill.ts';

it('G-07: takes the words of a list, and none that every object has', () => {
  const rowOf = (word: string): Row => ({ line: 7, columns: readColumns(['state'], [['state']], 1), values: [word] });
  assert.equal(meaningIn(rowOf('DONE'), 'state', { DONE: 'succeeded' }), 'succeeded');
  for (const word of ['constructor', '__proto__', 'toString', 'done', '']) {
    assert.throws(() => meaningIn(rowOf(word), 'state', { DONE: 'succeeded' }), BillProblem, word);
  }
});
