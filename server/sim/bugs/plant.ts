import { registerHooks } from 'node:module';
import { bank } from './bank.ts';
import { planted } from './bug.ts';

// `node --import server/sim/bugs/plant.ts`: one bug of the bank, named by HELIU_PLANTED_BUG, is in the program while it
// runs. The product has no switch for it: its source is changed on its way into this process, and nowhere else.
const bug = bank.find(({ id }) => id === process.env.HELIU_PLANTED_BUG);
if (!bug) throw new Error(`HELIU_PLANTED_BUG names no bug of the bank: ${process.env.HELIU_PLANTED_BUG}`);
const target = new URL(`../../../${bug.file}`, import.meta.url).href;

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    if (url !== target || loaded.source === undefined || loaded.source === null) return loaded;
    return { ...loaded, source: planted(bug, Buffer.from(loaded.source as Uint8Array).toString('utf8')) };
  },
});
