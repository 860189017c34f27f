import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { addMs } from '../../kernel/time.ts';
import { createTestClock } from '../../testing/clock.ts';
import { testCtx } from '../../testing/ctx.ts';
import { createLog } from '../log.ts';
import type { Db } from './db.ts';
import { followDatabaseTime } from './time.ts';

const noon = new Date('2026-11-22T04:00:00.000Z');
const day_ms = 86_400_000;

/** A database that says whatever time the test wants, over a way that takes as long as the test wants. */
function aDatabase(machine: ReturnType<typeof createTestClock>) {
  const said = { now: noon, way_ms: 0, broken: false };
  const run = () => {
    machine.advance(said.way_ms);
    return said.broken ? Promise.reject(new Error('no database')) : Promise.resolve([{ now: said.now }]);
  };
  return { said, db: { run } as unknown as Db };
}

async function aNode(machine_time: Date) {
  const machine = createTestClock(machine_time);
  const lines: string[] = [];
  const { said, db } = aDatabase(machine);
  const log = createLog('debug', machine, { write: (line: string) => void lines.push(line) });
  const time = await followDatabaseTime({ db, clock: machine, log });
  const passUntilRead = async (ms: number) => {
    machine.advance(ms);
    for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  };
  return { machine, said, lines, time, passUntilRead };
}

describe('the time of an installation', () => {
  it('I-49 is the database\u2019s, on a machine that is a day ahead or behind', async () => {
    for (const machine_time of [addMs(noon, day_ms), addMs(noon, -day_ms)]) {
      const { time, lines } = await aNode(machine_time);
      assert.deepEqual(time.clock.now(), noon);
      assert.equal(lines.length, 1, 'a person is told');
      await time.stop();
    }
  });

  it('OF-12 does not jump when the machine\u2019s clock does', async () => {
    const { machine, time } = await aNode(noon);
    machine.advance(1_000);
    const before = time.clock.now();
    const slept_ms = machine.monotonic_ms();
    machine.set(addMs(noon, -day_ms));
    assert.equal(machine.monotonic_ms(), slept_ms);
    assert.deepEqual(time.clock.now(), before);
    await time.stop();
  });

  it('goes on while the database cannot be asked, and follows it afterwards', async () => {
    const { said, time, passUntilRead } = await aNode(noon);
    said.broken = true;
    await passUntilRead(20_000);
    assert.deepEqual(time.clock.now(), addMs(noon, 20_000));
    said.broken = false;
    said.now = addMs(noon, 3_600_000);
    await passUntilRead(20_000);
    assert.deepEqual(time.clock.now(), addMs(noon, 3_600_000));
    await time.stop();
  });

  it('believes the reading whose way was shortest, and one that contradicts it', async () => {
    const { said, time, passUntilRead } = await aNode(noon);
    said.way_ms = 400;
    said.now = addMs(noon, 20_000);
    await passUntilRead(20_000);
    assert.deepEqual(time.clock.now(), addMs(noon, 20_400), 'somewhere on its way it was right');
    said.now = addMs(noon, 45_000);
    await passUntilRead(20_000);
    assert.deepEqual(time.clock.now(), addMs(noon, 45_200));
    await time.stop();
  });

  it('is not moved by an answer that was long on its way', async () => {
    const { said, time, passUntilRead } = await aNode(noon);
    said.way_ms = 8_000;
    said.now = addMs(noon, day_ms);
    await passUntilRead(20_000);
    assert.deepEqual(time.clock.now(), addMs(noon, 28_000));
    await time.stop();
  });

  it('comes from a real database, whatever the machine says', async () => {
    const { ctx, close } = await testCtx();
    const machine = createTestClock(new Date('1999-12-31T00:00:00.000Z'));
    const time = await followDatabaseTime({ db: ctx.db, clock: machine, log: ctx.log });
    const [row] = await ctx.db.run<{ now: Date }>({ name: 'test_time', text: 'select clock_timestamp() as now' }, []);
    assert.ok(row && time.clock.now() <= row.now && time.clock.now().getFullYear() === row.now.getFullYear());
    await time.stop();
    await close();
  });
});
