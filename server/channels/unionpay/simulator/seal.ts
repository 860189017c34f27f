import { createPublicKey, sign } from 'node:crypto';
import { type Fields, isSignedBy, isSignedWithSecureKey, messageToSign, signWithSecureKey } from '../sign.ts';
import type { Authority } from './authority.ts';
import type { Merchant } from './ledger.ts';

/** How a message is signed: well, with another text's signature, or not at all. */
export type Sealing = 'good' | 'bad' | 'none';

const spoiled = (signature: string): string => `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`;

/** Signs for merchants, each in its way, and holds their requests against their keys. */
export function createSeal(authority: Authority) {
  return {
    /** Every message names how it is signed; with certificates it carries the one that signed it. */
    async complete(fields: Fields, merchant: Merchant | undefined, sealing: Sealing): Promise<Fields> {
      const method = merchant?.sign_method ?? '01';
      const complete = new Map([...fields].filter(([, value]) => value !== '')).set('signMethod', method);
      if (method === '01') {
        const { key, pem } = await authority.signer();
        complete.set('signPubKeyCert', pem);
        return put(complete, sign('sha256', Buffer.from(messageToSign(complete)), key).toString('base64'), sealing);
      }
      return put(complete, signWithSecureKey(complete, merchant?.secure_key ?? '', method), sealing);
    },
    isSignedBy(fields: Fields, merchant: Merchant): boolean {
      const { sign_method: method, secure_key, public_key, cert_id } = merchant;
      if (fields.get('signMethod') !== method) return false;
      if (method !== '01') return isSignedWithSecureKey(fields, secure_key ?? '', method);
      return fields.get('certId') === cert_id && public_key !== undefined && isSignedBy(fields, createPublicKey(public_key));
    },
  };
}
export type Seal = ReturnType<typeof createSeal>;

function put(fields: Map<string, string>, signature: string, sealing: Sealing): Fields {
  return sealing === 'none' ? fields : fields.set('signature', sealing === 'good' ? signature : spoiled(signature));
}
