import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Rng } from '../../../kernel/rng.ts';
import type { Clock } from '../../../kernel/time.ts';
import { createIssuer, newPrivateKey, type Party } from '../../kit/gateway/issuer.ts';

/** Certification authority and signing certificates of the gateway, as they stand in the journal. PEM throughout. */
export type AuthorityRecord = {
  readonly root: string;
  readonly middle_key: string;
  readonly middle: string;
  /** Certificates that sign messages; the last one is in use. */
  readonly leaves: readonly { readonly key: string; readonly certificate: string }[];
};

export type Signer = {
  readonly key: KeyObject;
  /** As a message carries it: lines end in CR LF, and the last one does not end. */
  readonly pem: string;
};

const root_name = 'C=CN, O=Heliu Sandbox Certification Authority, CN=Heliu Sandbox CS CA';
const middle_name = 'C=CN, O=Heliu Sandbox Certification Authority, CN=Heliu Sandbox OCA1';
const leafName = (serial: string): string => `C=cn, O=Heliu Sandbox OCA1, OU=Enterprises, CN=041@8310000000083040@中国银联股份有限公司@${serial}`;

export function createAuthority(clock: Clock, rng: Rng, saved: AuthorityRecord | undefined, save: (record: AuthorityRecord) => void) {
  // A serial of ten digits, as CFCA's are, is short enough for `certId`.
  const { privateKey, issue } = createIssuer(clock, () => `10${rng.bytes(4).toString('hex')}`);
  let record: Promise<AuthorityRecord> | undefined = saved && Promise.resolve(saved);
  const middleOf = (key: string): Party => ({ name: middle_name, key });

  async function newLeaf(middle_key: string) {
    const key = await newPrivateKey();
    const serial = String(rng.bytes(4).readUInt32BE(0) % 100_000_000).padStart(8, '0');
    return { key, certificate: await issue({ name: leafName(serial), key }, middleOf(middle_key)) };
  }

  async function make(): Promise<AuthorityRecord> {
    const root: Party = { name: root_name, key: await newPrivateKey() };
    const middle_key = await newPrivateKey();
    const made = {
      root: await issue(root, root, true),
      middle_key,
      middle: await issue(middleOf(middle_key), root, true),
      leaves: [await newLeaf(middle_key)],
    };
    save(made);
    return made;
  }

  /** Made on first use, and found in the journal after a restart. */
  function held(): Promise<AuthorityRecord> {
    record ??= make();
    return record;
  }

  async function renewed(before: Promise<AuthorityRecord>): Promise<AuthorityRecord> {
    const old = await before;
    const after = { ...old, leaves: [...old.leaves, await newLeaf(old.middle_key)] };
    save(after);
    return after;
  }

  return {
    async signer(): Promise<Signer> {
      const leaf = (await held()).leaves.at(-1);
      if (!leaf) throw new Error('the authority has issued no certificate');
      return { key: privateKey(leaf.key), pem: leaf.certificate.replace(/\r?\n/g, '\r\n') };
    },
    /** Root and middle certificate, as they come with the gateway's SDK. */
    trusted: async (): Promise<string> => {
      const { root, middle } = await held();
      return `${root}\n${middle}\n`;
    },
    /** A merchant's signing certificate and the number that names it. */
    async certify(mer_id: string, key: string): Promise<{ certificate: string; cert_id: string }> {
      const { middle_key } = await held();
      const name = `C=cn, O=Heliu Sandbox OCA1, OU=Enterprises, CN=041@Z2026@${mer_id}:SIGN@00000001`;
      const certificate = await issue({ name, key }, middleOf(middle_key));
      return { certificate, cert_id: BigInt(`0x${new X509Certificate(certificate).serialNumber}`).toString() };
    },
    rotate(): void {
      record = renewed(held());
    },
  };
}
export type Authority = ReturnType<typeof createAuthority>;
