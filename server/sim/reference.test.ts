import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { bank } from './bugs/bank.ts';
import { argumentsOf, commandOf } from './command.ts';
import { episodes, fault_places } from './fault-table.ts';
import { fault_ids } from './faults.ts';
import { loadTargets } from './load-targets.ts';
import { printReliability, readRun } from './reference.ts';
import { missingFaults } from './seeds.ts';

const reportOf = (part: string) => JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'reference', 'reliability', `${part}.json`), 'utf8'));

describe('a report', () => {
  it('keeps its arguments as they were typed, and what was chosen where nothing was', () => {
    assert.deepEqual(argumentsOf(['--kill', '--faults', 'none'], { seed: '0d1e' }), ['--kill', '--faults', 'none', '--seed', '0d1e']);
    assert.deepEqual(argumentsOf(['--seeds=3', '--seed', 'a'], { seeds: 30, seed: 'b' }), ['--seeds=3', '--seed', 'a']);
  });

  it('is run again by them', () => {
    const args = ['--sweep', '--scenario', 'late', '--json'];
    assert.deepEqual(commandOf('sweep', { arguments: args, ways: 3 }), { command: 'npm run sim -- --sweep --scenario late --json' });
  });

  it('that kept none is run again by what its figures tell, and says what they do not', () => {
    assert.equal(commandOf('sweep', { ways: 1 }).command, 'npm run sim -- --sweep --once --json');
    assert.deepEqual(commandOf('seeds', { seeds: 12, repeated: 0 }), { command: 'npm run sim -- --seeds 12 --json', unknown: '--seed, --seconds' });
    const kill = { seed: 'x', nodes: 2, kills: { heliu: 3, database: 1 }, skipped: {} };
    const command = (faults: Record<string, number>) => commandOf('kill', { ...kill, faults }).command;
    assert.match(command({ kill_heliu: 3, kill_database: 1 }), /--kills 3 --database-kills 1 --nodes 2 --seed x --faults none --json$/);
    assert.match(command({ kill_heliu: 3, stop_heliu: 2 }), /--faults stop_heliu --json$/);
  });
});

describe('a run of worlds', () => {
  it('that is long enough names each fault that it never had', () => {
    const faults = Object.fromEntries(fault_ids.map((id) => [id, id === 'CF-18' ? 0 : 1]));
    assert.deepEqual(missingFaults({ seeds: 300, faults }), ['CF-18']);
    assert.deepEqual(missingFaults({ seeds: 300, faults: { ...faults, 'CF-18': 1 } }), []);
    assert.deepEqual(missingFaults({ seeds: 299, faults }), []);
  });
});

describe('the page', () => {
  const page = printReliability();
  const faultRow = (id: string) => page.split('\n').find((line) => line.startsWith(`| \`${id}\` |`) && line.split('|').length === 7) ?? '';

  it('has every fault of the specification, each with where it is brought about or that it is nowhere', () => {
    const ids = (kind: string, count: number) => Array.from({ length: count }, (_, at) => `${kind}-${String(at + 1).padStart(2, '0')}`);
    const rows = [...ids('CF', 28), ...ids('OF', 19)].map(faultRow);
    for (const row of rows) {
      const [, , , worlds, black_box, besides] = row.split('|').map((cell) => cell.trim());
      assert.ok(worlds || black_box || besides, row);
    }
    assert.deepEqual(
      rows.filter((row) => row.includes('nowhere yet')).map((row) => row.slice(3, 8)),
      [],
    );
  });

  it('has each fault that worlds can have more than never in the published run', () => {
    for (const id of fault_ids) assert.ok(Number(faultRow(id).split('|')[3]) > 0, faultRow(id));
  });

  it('tells each episode of the black box by a fault that is in the table', () => {
    for (const { name, id } of episodes) assert.ok(faultRow(id).includes(`\`${name}\``), `${name} is ${id}`);
  });

  it('names tests that are there', () => {
    for (const [file, name] of Object.values(fault_places).flat()) {
      assert.ok(readFileSync(join(import.meta.dirname, '..', '..', file), 'utf8').includes(name), `${file} has no ${name}`);
    }
  });

  it('judges the times of the black box by their targets, in reports of any age', () => {
    const { alone } = reportOf('kill').recovery.heliu;
    const row = page.split('\n').find((line) => line.includes("first order after a node's restart")) ?? '';
    assert.match(row, alone.max_ms <= 3_000 ? /≤ 3000 ms：达到 met/ : /≤ 3000 ms：\*\*未达到 not met\*\*/);
  });

  it('says of a bug that it was noticed only where the published run had it', () => {
    const { hunts, hunted = [], missed } = reportOf('bugs');
    const ran: readonly string[] = hunts?.map(({ id }: { id: string }) => id) ?? hunted;
    assert.ok(ran.length > 0);
    for (const { id } of bank) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${id}\` |`)) ?? '';
      assert.equal(row.includes('✓'), ran.includes(id) && !missed.includes(id), row);
    }
  });
});

describe('the table of load targets', () => {
  const published = readRun('kill');
  assert.ok(published);
  const rowsOf = (id: string, run: Parameters<typeof loadTargets>[0]) => loadTargets(run).filter((target) => target.id === id);

  it('has every target of the specification, and a verdict on none without a figure', () => {
    const rows = loadTargets(published);
    const ids = Array.from({ length: 18 }, (_, at) => `L-${String(at + 1).padStart(2, '0')}`);
    assert.deepEqual([...new Set(rows.map(({ id }) => id))], ids);
    for (const { id, measured, met } of rows) if (measured.startsWith('–')) assert.equal(met, null, id);
  });

  it('reads the black box from its report, and knows nothing of what that does not have', () => {
    const { heliu } = published.recovery;
    const leases = { alone: { count: 1, p50_ms: 1, p95_ms: 1, max_ms: 60_001 }, amid_other_faults: null, rows: 1, unrecovered: 0 };
    const run = { ...published, rolling_restarts: { count: 2, refused: 0, answers: {} }, recovery: { ...published.recovery, leases } };
    assert.deepEqual(rowsOf('L-14', run).at(-1)?.met, 'not met');
    assert.deepEqual(rowsOf('L-17', run)[0]?.met, 'met');
    assert.equal(rowsOf('L-14', published)[0]?.measured.includes(`max ${heliu.alone?.max_ms} ms`), heliu.alone !== null);
    for (const id of ['L-14', 'L-15', 'L-17']) for (const { met } of rowsOf(id, undefined)) assert.equal(met, null, id);
  });
});
