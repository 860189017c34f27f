import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createInFlight } from './in-flight.ts';

function placesOf(owners: readonly string[]) {
  const in_flight = createInFlight(1_000);
  const tickets = owners.map((owner) => {
    const ticket = in_flight.enter();
    ticket?.own(owner);
    return ticket;
  });
  return { in_flight, tickets };
}

const shares: readonly (readonly [held: string, above: string])[] = [
  ['', ''],
  ['a', ''],
  ['aaaaaaaa', ''],
  ['ab', ''],
  ['aaab', 'a'],
  ['aabb', ''],
  ['aabbc', 'ab'],
  ['aaaaaaaabc', 'a'],
];
for (const [held, above] of shares) {
  test(`of places held as ${held || 'none'}, ${above || 'nobody'} has more than an equal share`, () => {
    const { in_flight } = placesOf([...held]);
    for (const owner of 'abcd') assert.equal(in_flight.isAboveShare(owner), above.includes(owner), owner);
  });
}

test('a place that is given back belongs to nobody, and one without an owner to none', () => {
  const { in_flight, tickets } = placesOf([...'aaab']);
  in_flight.enter();
  assert.equal(in_flight.isAboveShare('a'), true);
  tickets[0]?.hold();
  tickets[0]?.release();
  assert.equal(in_flight.isAboveShare('a'), true);
  tickets[0]?.release();
  tickets[1]?.release();
  assert.equal(in_flight.isAboveShare('a'), false);
  tickets[3]?.release();
  assert.equal(in_flight.isAboveShare('a'), false);
  assert.equal(in_flight.count(), 2);
});

test('a place is owned once, and only while it is held', () => {
  const { in_flight, tickets } = placesOf([...'aab']);
  tickets[0]?.own('b');
  assert.equal(in_flight.isAboveShare('a'), true);
  tickets[2]?.release();
  tickets[2]?.own('b');
  assert.equal(in_flight.isAboveShare('a'), false);
});
