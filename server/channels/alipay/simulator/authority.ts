import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Rng } from '../../../kernel/rng.ts';
import type { Clock } from '../../../kernel/time.ts';
import { readCertificates } from '../../certificates.ts';
import { createIssuer, newPrivateKey, type Party } from '../../kit/gateway/issuer.ts';
import { certificateSn, rootCertificateSn } from '../certificates.ts';

/** The gateway's own keys and its certification authority, as they stand in the journal. PEM throughout. */
export type AuthorityRecord = {
  /** Signs for applications in key mode. */
  readonly key: string;
  readonly root: string;
  readonly middle_key: string;
  readonly middle: string;
  /** Certificates that sign for applications in certificate mode; the last one is in use. */
  readonly leaves: readonly Leaf[];
};
type Leaf = { readonly key: string; readonly certificate: string; readonly sn: string };

export type Signer = { readonly key: KeyObject; readonly certificate_sn: string | undefined };

const nameOf = (common_name: string): string => `C=CN, O=Heliu Sandbox, OU=Certification Authority, CN=${common_name}`;
const root_name = nameOf('Heliu Sandbox Certification Authority R1');
const middle_name = nameOf('Heliu Sandbox Certification Authority Class 2 R1');

export function createAuthority(clock: Clock, rng: Rng, saved: AuthorityRecord | undefined, save: (record: AuthorityRecord) => void) {
  const { privateKey, issue } = createIssuer(clock, () => `20${rng.bytes(15).toString('hex')}`);
  /** The keys, once they are made; a renewal replaces the promise, so that whoever signs next waits for it. */
  let record: Promise<AuthorityRecord> | undefined = saved && Promise.resolve(saved);

  const issueByMiddle = async (common_name: string, key: string, middle_key: string): Promise<string> =>
    `${await issue({ name: nameOf(common_name), key }, { name: middle_name, key: middle_key })}\n`;

  async function newLeaf(middle_key: string): Promise<Leaf> {
    const key = await newPrivateKey();
    const certificate = await issueByMiddle(`Heliu Sandbox Alipay ${rng.bytes(4).toString('hex')}`, key, middle_key);
    return { key, certificate, sn: snOf(certificate) };
  }

  async function make(): Promise<AuthorityRecord> {
    const root: Party = { name: root_name, key: await newPrivateKey() };
    const middle: Party = { name: middle_name, key: await newPrivateKey() };
    const made = {
      key: await newPrivateKey(),
      root: `${await issue(root, root, true)}\n`,
      middle_key: middle.key,
      middle: `${await issue(middle, root, true)}\n`,
      leaves: [await newLeaf(middle.key)],
    };
    save(made);
    return made;
  }

  /** Made on first use: four keys take a second on a slow machine, and a restart finds them in the journal. */
  function held(): Promise<AuthorityRecord> {
    record ??= make();
    return record;
  }

  async function renewed(before: Promise<AuthorityRecord>): Promise<AuthorityRecord> {
    const old = await before;
    const renewed_record = { ...old, leaves: [...old.leaves, await newLeaf(old.middle_key)] };
    save(renewed_record);
    return renewed_record;
  }

  return {
    async signer(mode: 'key' | 'certificate'): Promise<Signer> {
      const { key, leaves } = await held();
      const leaf = mode === 'certificate' ? leaves.at(-1) : undefined;
      return { key: privateKey(leaf?.key ?? key), certificate_sn: leaf?.sn };
    },
    /** As the console shows it: Base64 without the lines of PEM. */
    publicKey: async (): Promise<string> =>
      createPublicKey(privateKey((await held()).key))
        .export({ type: 'spki', format: 'der' })
        .toString('base64'),
    /** The three files of certificate mode, for an application's key. */
    async certify(app_id: string, app_key: string) {
      const { root, middle, middle_key, leaves } = await held();
      const app = await issueByMiddle(`${app_id} application`, app_key, middle_key);
      return {
        app_certificate: app,
        alipay_certificate: `${leaves.at(-1)?.certificate}${middle}`,
        alipay_root_certificates: root,
        app_cert_sn: snOf(app),
        root_cert_sn: rootCertificateSn(readCertificates(root)),
      };
    },
    /** What alipay.open.app.alipaycert.download hands out. */
    async chainOf(sn: string): Promise<string | undefined> {
      const { leaves, middle } = await held();
      const leaf = leaves.find((candidate) => candidate.sn === sn);
      return leaf && leaf.certificate + middle;
    },
    rotate(): void {
      record = renewed(held());
    },
  };
}
export type Authority = ReturnType<typeof createAuthority>;

function snOf(pem: string): string {
  const [certificate] = readCertificates(pem);
  if (!certificate) throw new Error('no certificate was written');
  return certificateSn(certificate);
}
