import { generateKeyPairSync, sign as signRsa } from 'node:crypto';
import { Secret } from '../../kernel/secret.ts';
import type { Account, WireAnswer } from '../define.ts';
import type { Config } from './config.ts';

/** An account in key mode at a gateway of the test's own key, which signs whatever a case asks for. */
const gatewayKey = generateKeyPairSync('rsa', { modulusLength: 2048 });
export const appKey = generateKeyPairSync('rsa', { modulusLength: 2048 });

export const config: Config = {
  app_id: '2021000000000001',
  seller_id: '2088000000000002',
  app_private_key: new Secret(appKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
  alipay_public_key: gatewayKey.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};
export const account: Account<Config> = { id: 'acc_1', version: 1, merchant_id: 'mer_1', merchant_code: 'ABCDEF', livemode: false, channel: 'alipay', config };
export const env = { now: new Date('2026-11-22T04:00:00Z'), nonce: '0' };
export const clock = { now: () => env.now, monotonic_ms: () => 0, sleep: () => Promise.resolve() };
export const no_trust = new Map();

export const signText = (text: string | Buffer): string => signRsa('sha256', Buffer.from(text as string), gatewayKey.privateKey).toString('base64');

export const wire = (body: string, status = 200): WireAnswer => ({ status, headers: {}, body: Buffer.from(body) });

/** A signed answer of that API. */
export function answerOf(api: string, node: Record<string, unknown>): WireAnswer {
  const raw = JSON.stringify(node);
  return wire(`{"${api.replaceAll('.', '_')}_response":${raw},"sign":"${signText(raw)}"}`);
}
