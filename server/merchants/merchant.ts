import { type Refusal, refuse } from '../kernel/refusal.ts';

/** A merchant, as the table has it. */
export type Merchant = {
  readonly id: string;
  /** Six characters inside every order number sent upstream; never changes. */
  readonly code: string;
  readonly name: string;
  readonly state: 'active' | 'suspended';
  /** Requests must be signed (RFC 9421); a key alone is not enough. */
  readonly signature_required: boolean;
  /** What happens to a second success of a paid payment. */
  readonly duplicate_policy: (typeof duplicate_policies)[number];
  /** What happens to money that comes after closing. */
  readonly late_policy: (typeof late_policies)[number];
  /** The agent that it belongs to (agt_…); null when it is nobody's. */
  readonly agent_id: string | null;
  readonly version: number;
  readonly created_at: Date;
};

export const duplicate_policies = ['refund', 'keep'] as const;
export const late_policies = ['refund', 'accept'] as const;

/** What its owner may choose. */
export type MerchantSettings = Pick<Merchant, 'name' | 'signature_required' | 'duplicate_policy' | 'late_policy'>;

export const default_settings = { signature_required: false, duplicate_policy: 'refund', late_policy: 'refund' } as const satisfies Partial<MerchantSettings>;

/** Checks what a person typed; names the setting. */
export function checkSettings(settings: Partial<MerchantSettings>): Refusal | undefined {
  const { name, duplicate_policy, late_policy } = settings;
  if (name !== undefined && !isName(name)) return refuseName();
  if (duplicate_policy !== undefined && !duplicate_policies.includes(duplicate_policy)) return refuseChoice('duplicate_policy', duplicate_policies);
  if (late_policy !== undefined && !late_policies.includes(late_policy)) return refuseChoice('late_policy', late_policies);
  return undefined;
}

/** A name that people see: some text, nothing invisible. */
export const isName = (name: string): boolean => /^[^\p{Cc}\p{Cf}\p{Cs}]{1,100}$/u.test(name) && name.trim() === name;

export const refuseName = (): Refusal => refuse('parameter_invalid', 'name', { expected: '1 to 100 visible characters', expected_zh: '1 至 100 个可见字符' });

export const refuseChoice = (param: string, choices: readonly string[]): Refusal =>
  refuse('parameter_invalid', param, { expected: `one of ${choices.join(', ')}`, expected_zh: `须为 ${choices.join('、')} 之一` });
