import type { Session } from '../../channels/define.ts';
import { Secret } from '../../kernel/secret.ts';
import type { SealedPlace, Vault } from '../../platform/vault/vault.ts';

/** The key that a gateway gave an account, as its row has it. */
export type SessionRow = {
  readonly merchant_id: string;
  readonly channel_account_id: string;
  readonly state: SessionState;
  /** Who the account is at the gateway. */
  readonly name: string;
  readonly key_sealed: Buffer;
  /** Questions for a key so far; `version` is the one that brought this key. */
  readonly asked: number;
  readonly version: number;
  readonly got_at: Date;
  /** When the next key is asked for; null once the gateway takes this one no more. */
  readonly renew_at: Date | null;
  /** Why the last question brought no key. */
  readonly problem: string | null;
};
/** Only a new code opens one that was lost. */
export type SessionState = 'open' | 'lost';

type Place = Pick<SessionRow, 'merchant_id' | 'channel_account_id' | 'version'>;

/** Bound to the question that brought it, so that a key of before opens nowhere. */
const sealedPlace = ({ merchant_id, channel_account_id, version }: Place): SealedPlace => ({
  table: 'channel_sessions',
  column: 'key_sealed',
  merchant_id,
  row: `${channel_account_id}:${version}`,
});

export const sealKey = (vault: Vault, place: Place, key: Secret): Buffer => vault.seal(key.expose(), sealedPlace(place));

/** What the channel's calls are given; undefined while the gateway takes no key of the account. */
export const openSessionRow = (vault: Vault, row: SessionRow): Session | undefined =>
  row.state === 'open' ? { name: row.name, key: new Secret(vault.open(row.key_sealed, sealedPlace(row))) } : undefined;

/** As an operator may see it. */
export type ShownSession = Pick<SessionRow, 'state' | 'name' | 'got_at' | 'renew_at' | 'problem'> & {
  /** Questions since the key came that had no answer. */
  readonly unanswered: number;
};
export const shownSession = ({ state, name, got_at, renew_at, problem, asked, version }: SessionRow): ShownSession => ({
  state,
  name,
  got_at,
  renew_at,
  problem,
  unanswered: asked - version,
});
