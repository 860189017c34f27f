import { type AnyFaultId, type FaultId, fault_ids, fault_texts, other_fault_texts } from './faults.ts';
import { type Fault, faults, kill_database, kill_heliu } from './kill/faults.ts';

/** A test by its name, or a function that brings the fault about, and the file in which it stands. */
export type Place = readonly [file: string, name: string];

/** Where a fault is brought about by itself, beside worlds and episodes. Tests of single channels are the conformance suite's and not listed. */
export const fault_places: Partial<Record<AnyFaultId, readonly Place[]>> = {
  'CF-19': [['server/payments/payments.test.ts', 'CF-19 money after closing is late and goes back']],
  'CF-23': [['server/recon/recon.test.ts', 'CF-23: each planted error is found as what it is, once, and nothing else is']],
  'CF-25': [['server/platform/egress.test.ts', 'F-15 CF-25: a certificate that is self-signed, expired or of another name is refused before a byte leaves']],
  'CF-26': [['server/platform/egress.test.ts', 'CF-26: a name that cannot be resolved, or has no address, was not connected']],
  'OF-03': [['server/platform/due/sweeper.test.ts', 'OF-03: stopping claims no more and waits for what is under way']],
  'OF-10': [
    ['server/webhooks/deliveries/service.test.ts', 'OF-10: two sweepers on one database send each delivery once, with two statements for each at most'],
  ],
  'OF-12': [['server/platform/db/time.test.ts', 'OF-12 does not jump when the machine\\u2019s clock does']],
  'OF-15': [['server/platform/db/db.test.ts', 'works on after a migration changed what it returns (OF-15)']],
  'OF-16': [['server/platform/changes.test.ts', 'a lost connection is admitted, made again, and every listener told to drop what it holds (OF-16)']],
  'OF-17': [['server/recon/restore.test.ts', 'OF-17 I-02: what is in it is found out once, what is not is told to a person, and nothing is sent again']],
  'OF-18': [['server/bench/soak.ts', 'readLong']],
  'OF-19': [['server/webhooks/deliveries/service.test.ts', 'OF-19: a node that dies between send and mark causes a repeat, not a loss']],
};

/** What of a fault is not shown yet by the places that it has. */
const shortcomings: Partial<Record<AnyFaultId, string>> = {
  'OF-15': '较新的版本即本版本加一条增列的迁移 the newer version is this one with one more migration, which adds columns',
};

const texts: Readonly<Record<AnyFaultId, string>> = { ...fault_texts, ...other_fault_texts };
const is_simulated = (id: AnyFaultId): id is FaultId => (fault_ids as readonly string[]).includes(id);
const kinds = ['CF', 'OF', 'MF'];
const ids = (Object.keys(texts) as AnyFaultId[]).toSorted((a, b) => kinds.indexOf(a.slice(0, 2)) - kinds.indexOf(b.slice(0, 2)) || a.localeCompare(b));
/** Every episode of the black box, the kills included. */
export const episodes: readonly Pick<Fault, 'name' | 'id'>[] = [kill_heliu, kill_database, ...faults];

/** How often each fault happened in the last published runs: in worlds by its id, in the black box by the name of the episode. */
export type Injected = { readonly worlds: Readonly<Record<string, number>> | undefined; readonly kill: Readonly<Record<string, number>> | undefined };

/** Every fault of the specification with the places where it is brought about, or that it is nowhere yet. */
export function printFaults(injected: Injected): string {
  const rows = ids.map((id) => `| \`${id}\` | ${texts[id]} | ${worldsOf(id, injected)} | ${episodesOf(id, injected)} | ${placesOf(id)} |`);
  return `## 故障 · Faults

规范中的每个故障（CF 渠道，OF 自身）与商户的故障（MF），及其何处发生：上述模拟中的次数、黑盒的段落及其在公布的运行中的次数（– 为该次未含），以及另有的测试。
Each fault of the specification, of channels (CF) and our own (OF), with those of merchants (MF), and where it is brought about: how often in the worlds above, in which
episodes of the black box and how often in its published run (– where that run was without), and in a test of its own.

| 故障 Fault | | 模拟 Worlds | 黑盒 Black box | 另有 Besides |
|---|---|--:|---|---|
${rows.join('\n')}
`;
}

function worldsOf(id: AnyFaultId, { worlds }: Injected): string {
  if (!is_simulated(id)) return '';
  return worlds ? String(worlds[id] ?? 0) : '–';
}

const episodesOf = (id: AnyFaultId, { kill }: Injected): string =>
  episodes
    .filter((episode) => episode.id === id)
    .map(({ name }) => `\`${name}\` ${kill?.[name] ?? '–'}`)
    .join('<br>');

function placesOf(id: AnyFaultId): string {
  const places = fault_places[id] ?? [];
  if (places.length === 0 && !is_simulated(id) && !episodes.some((episode) => episode.id === id)) return '**尚无 nowhere yet**';
  const named = places.map(([file, name]) => `\`${file}\` › ${name.replaceAll('\\u2019', '’')}`);
  return [...named, ...(shortcomings[id] === undefined ? [] : [shortcomings[id]])].join('<br>');
}
