import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Channel, InboundMessage } from '../../channels/define.ts';
import { openBench } from '../../channels/kit/bench.ts';
import { assertNoOtherWord, paidMessage } from '../../channels/kit/checks-notification.ts';
import { channels } from '../../channels/registry.ts';
import { simulators } from '../../channels/simulators.ts';
import { createTestClock } from '../clock.ts';
import { createTestRng } from '../rng.ts';
import { fuzz, mutated, seed, soup } from './fuzz.ts';

/**
 * What comes to the address of an account, of every channel that is registered: a genuine message changed in body and
 * headers in several places at once, or no message at all. The client that production uses reads it.
 */
const asText = (text: string) => mutated(text).map((bytes) => bytes.toString('latin1'));

/** A body, a header or both are no longer what the gateway sent. */
function changes(genuine: InboundMessage): fc.Arbitrary<InboundMessage> {
  const text = genuine.body.toString();
  const body = fc.oneof({ weight: 3, arbitrary: mutated(text) }, { weight: 1, arbitrary: nothing_at_all }).map((bytes) => Buffer.from(bytes));
  const names = Object.keys(genuine.headers);
  const headers = fc
    .constantFrom(...names)
    .chain((name) =>
      fc.oneof(asText(genuine.headers[name] ?? ''), soup('', ',', ';', '=', '0', '-1', 'a')).map((value) => ({ ...genuine.headers, [name]: value })),
    );
  return fc.oneof(
    body.map((each) => ({ ...genuine, body: each })),
    headers.map((each) => ({ ...genuine, headers: each })),
    fc.tuple(body, headers).map(([one, other]) => ({ ...genuine, body: one, headers: other })),
  );
}

const nothing_at_all = fc.oneof(
  soup('<xml>', '</xml>', '<![CDATA[', ']]>', '{', '}', '"', ':', ',', '[', ']', 'null', '=', '&', '%', 'sign=', '1').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
);

describe('CF-11 B-01 B-08: a notification of any channel', () => {
  let runs = 0;
  for (const channel of channels.values()) {
    it(`of ${channel.code} that was changed anywhere is refused or says the same, and nothing breaks`, async (t) => {
      const simulator = simulators.find((each) => each.channel === channel.code);
      assert.ok(simulator, 'every channel has a simulator');
      const { mode, trust } = simulator.forms?.[0] ?? ({ mode: 'direct', trust: 'public_key' } as const);
      const subject = { channel: channel as Channel, create: simulator.create, mode, trust, traits: simulator };
      const bench = await openBench(subject, { clock: createTestClock(new Date('2026-11-22T02:00:00.000Z')), rng: createTestRng(`fuzz ${channel.code}`) });
      try {
        const { message } = await paidMessage(bench);
        let refused = 0;
        const tried = await fuzz(changes(message), async (changed) => {
          if (await assertNoOtherWord(bench, message, changed, changed.body.toString('latin1'))) refused += 1;
        });
        runs += tried;
        assert.ok(simulator.notices_unsigned || refused > 0, `none of ${tried} was refused`);
      } finally {
        await bench.close();
      }
      t.diagnostic(`seed ${seed}`);
    });
  }
  it('inputs tried', (t) => t.diagnostic(`${runs} inputs, seed ${seed}`));
});
