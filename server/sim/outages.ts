import type { FaultId } from './faults.ts';
import type { World } from './world.ts';

/** Of the worlds that have the fault, which are half of all: in these one of its kind goes on when the payers are done. */
const share = 0.15;
/** It begins while there is something under way. */
const begins_ms = { from: 60_000, to: 200_000 } as const;
const lasts_ms = { from: 30 * 60_000, to: 120 * 60_000 } as const;

/** Outages that outlast payers and merchants, in worlds that draw one; all are over when `passed` resolves. */
export function longOutages({ sim, network, gateways, receivers, merchants }: World): { readonly passed: () => Promise<void> } {
  const dice = sim.dice('long outages');
  const has = (id: FaultId): boolean => dice.chance(share) && sim.faults.on.includes(id);
  const kinds = [
    { has: has('CF-27'), putOut: () => network.putOut(dice.pick([...gateways.simulators.keys()])) },
    { has: has('MF-06'), putOut: () => receivers.putDown(dice.pick(merchants).at) },
  ];
  const outages = kinds
    .filter((kind) => kind.has)
    .map(({ putOut }) => {
      const over = sim.sleep(dice.between(begins_ms.from, begins_ms.to)).then(putOut);
      return { over, lasts_ms: dice.between(lasts_ms.from, lasts_ms.to) };
    });
  return {
    passed: async () => {
      await Promise.all(
        outages.map(async (outage) => {
          await sim.sleep(outage.lasts_ms);
          (await outage.over)();
        }),
      );
    },
  };
}
