import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isRefusal } from '../../kernel/refusal.ts';
import { type CursorScope, pageOf, readCursor, writeCursor } from './cursor.ts';

const scope: CursorScope = { list: 'list_payments', caller: { merchant_id: 'mer_A', livemode: false }, filters: { state: 'paid', created_from: undefined } };
const invalid = { refused: 'cursor_invalid', param: 'cursor' };

test('a cursor gives its position back to the list that it came from', () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[\x21-\x7e]{1,60}$/), (position) => {
      const cursor = writeCursor(scope, position);
      assert.match(cursor, /^[A-Za-z0-9_-]+$/);
      assert.equal(readCursor(scope, cursor), position);
    }),
  );
  assert.ok(writeCursor(scope, 'pay_01JD0000000000000000000000').length <= 200);
  assert.equal(readCursor({ ...scope, filters: { state: 'paid' } }, writeCursor(scope, 'x')), 'x');
});

test('refuses a cursor of another list, filter, merchant or mode', () => {
  const cursor = writeCursor(scope, 'pay_01JD0000000000000000000000');
  for (const other of [
    { ...scope, list: 'list_refunds' },
    { ...scope, filters: { state: 'closed' } },
    { ...scope, filters: {} },
    { ...scope, caller: { merchant_id: 'mer_B', livemode: false } },
    { ...scope, caller: { merchant_id: 'mer_A', livemode: true } },
  ]) {
    assert.deepEqual(readCursor(other, cursor), invalid);
  }
});

test('refuses whatever it did not write, and every change of what it did', () => {
  const cursor = writeCursor(scope, 'pay_01JD0000000000000000000000');
  for (let i = 0; i < cursor.length; i++) {
    const changed = `${cursor.slice(0, i)}${cursor[i] === 'A' ? 'B' : 'A'}${cursor.slice(i + 1)}`;
    assert.deepEqual(readCursor(scope, changed), invalid, changed);
  }
  for (const other of ['', 'x', `${cursor}A`, cursor.slice(0, -1), `${cursor}=`, ` ${cursor}`, 'pay_01JD0000000000000000000000', '你好', "' or 1=1 --"])
    assert.deepEqual(readCursor(scope, other), invalid, other);
  fc.assert(fc.property(fc.string(), (text) => isRefusal(readCursor(scope, text))));
  assert.deepEqual(readCursor(scope, 'x', 'after'), { refused: 'cursor_invalid', param: 'after' });
});

test('refuses a position that no list gives, also under a good tag', () => {
  for (const position of ['pay_\u0000', ' ', 'pay_1 ', 'a\nb', '支付', '\u007f'])
    assert.deepEqual(readCursor(scope, writeCursor(scope, position)), invalid, position);
});

test('a page shows as many rows as were asked for, and a cursor only when there are more', () => {
  const rows = ['c', 'b', 'a'].map((id) => ({ id }));
  const idOf = (row: { id: string }) => row.id;
  assert.deepEqual(pageOf(scope, 3, rows, idOf), { rows, next_cursor: null });
  assert.deepEqual(pageOf(scope, 2, rows, idOf), { rows: rows.slice(0, 2), next_cursor: writeCursor(scope, 'b') });
  assert.deepEqual(pageOf(scope, 5, [], idOf), { rows: [], next_cursor: null });
});
