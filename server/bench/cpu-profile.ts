import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

type Profile = {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/**
 * Where a process that ran with `--cpu-prof` spent its time: package or module of ours, and its share of busy time. V8 counts
 * by the wall clock, so on a full machine a call that wakes another process (`native writev`) is charged with the time for
 * which that process takes the core: 40 % here were 6 % of CPU time by `perf record`.
 */
export function largestCosts(folder: string, count: number): { readonly where: string; readonly share: number }[] {
  const spent = new Map<string, number>();
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
    const places = new Map(profile.nodes.map((node) => [node.id, placeOf(node.callFrame)]));
    for (const [at, id] of profile.samples.entries()) {
      const place = places.get(id) ?? 'unknown';
      if (place !== 'idle') spent.set(place, (spent.get(place) ?? 0) + (profile.timeDeltas[at] ?? 0));
    }
  }
  const total = [...spent.values()].reduce((sum, value) => sum + value, 0);
  return [...spent]
    .toSorted(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([where, value]) => ({ where, share: Math.round((value / total) * 1000) / 1000 }));
}

function placeOf({ functionName, url }: { functionName: string; url: string }): string {
  if (functionName === '(idle)') return 'idle';
  if (functionName === '(garbage collector)') return 'garbage collector';
  if (functionName === '(program)') return 'native code outside JavaScript';
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  if (dependency) return dependency;
  if (url.startsWith('node:')) return `node:${url.slice(5).split('/').at(-1)}`;
  const own = /\/(server|contract|cli|sdk)\/(.+)$/.exec(url);
  return own ? `${own[1]}/${own[2]}` : `native ${functionName}`;
}
