import assert from 'node:assert/strict';
import { it } from 'node:test';
import { help_table } from '../cashier/help/request.ts';
import { plate_table } from '../cashier/plates/plate.ts';
import { move, type Table } from '../kernel/machine.ts';
import { store_table } from '../merchants/stores/view.ts';
import { terminal_table } from '../merchants/terminals/view.ts';
import { exception_table } from '../recon/exceptions/exception.ts';
import { attempt_table } from './attempt.ts';
import { payment_table } from './payment.ts';
import { refund_table } from './refund.ts';

const tables: readonly Table<string, string>[] = [
  payment_table,
  attempt_table,
  refund_table,
  store_table,
  terminal_table,
  plate_table,
  help_table,
  exception_table,
];

const reach = (table: Table<string, string>, from: string, seen = new Set<string>()): Set<string> => {
  if (seen.has(from)) return seen;
  seen.add(from);
  for (const to of Object.values(table.moves[from] ?? {})) if (to !== undefined) reach(table, to, seen);
  return seen;
};

for (const table of tables) {
  const states = Object.keys(table.moves);
  const steps = new Set(Object.values(table.moves).flatMap((moves) => Object.keys(moves)));

  it(`I-17 every state and step of the ${table.name} table leads to a state of the table or nowhere`, () => {
    for (const state of states) {
      for (const step of steps) {
        const to = move(table, state, step);
        assert.ok(to === undefined || states.includes(to), `${state} --${step}--> ${to}`);
        assert.notEqual(to, state, 'a step that stays is no step');
      }
    }
  });

  it(`every state of the ${table.name} table is reached, and each can come to rest`, () => {
    assert.deepEqual([...reach(table, table.initial)].toSorted(), states.toSorted());
    for (const state of states)
      assert.ok(
        [...reach(table, state)].some((end) => table.resting.includes(end)),
        `${state} never rests`,
      );
  });
}

it('a payment is paid only from pending, or from closed by the policy for late money', () => {
  const into_paid = Object.entries(payment_table.moves).filter(([, moves]) => Object.values(moves).includes('paid'));
  assert.deepEqual(
    into_paid.map(([from]) => from),
    ['pending', 'closed'],
  );
});

it('I-16 nothing leaves a succeeded refund or attempt', () => {
  assert.deepEqual(refund_table.moves.succeeded, {});
  assert.deepEqual(attempt_table.moves.succeeded, {});
});
