import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Published bytes of a channel: `real` ones are somebody else's, `derived` ones only a rule applied with a public key. They
 * belong to their publishers and stand outside of the repository; without the folder there are none, and `skip` says so.
 */
export function vectorsOf<T>(channel: string): { readonly cases: readonly T[]; readonly skip: string | false } {
  const folder = join(process.env.HELIU_VECTORS ?? join(import.meta.dirname, '../../../../../shared/protocols/vectors'), channel);
  if (!existsSync(folder)) return { cases: [], skip: `no published vectors of ${channel} here: HELIU_VECTORS names their folder` };
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const cases = files.flatMap((name) => {
    const { cases: own = [], ...common } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { readonly cases?: readonly object[] };
    return own.map((each) => ({ ...common, ...each }) as T);
  });
  return { cases, skip: false };
}

type Sourced = { readonly id: string; readonly kind?: string; readonly origin?: string; readonly source?: string | { readonly derived?: boolean } };

/** The name of a vector in reports: whether somebody else's bytes are matched, or a documented rule was only computed. */
export function vectorName({ id, kind = '', origin = '', source = '' }: Sourced): string {
  const said = [kind, origin, typeof source === 'string' ? source : source.derived ? 'derived' : ''].join(' ');
  return `${id} (${/derived/.test(said) ? 'derived' : kind === 'standard' ? 'standard' : 'third-party'})`;
}
