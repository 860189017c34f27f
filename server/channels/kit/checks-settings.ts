import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { inspect } from 'node:util';
import { readSettings, secretFields } from '../account-settings.ts';
import type { Bench } from './bench.ts';
import { barcodeMethod, type Check, order, plainMethod } from './check.ts';

/** Settings of an account: complete, described, and with every secret marked. Run last: the search covers all that was said before. */
export const settingsChecks: readonly Check[] = [
  {
    name: 'settings: every field is described, and unknown ones are refused',
    run: ({ subject, settings }) => {
      for (const [name, schema] of Object.entries(subject.channel.config.properties)) {
        assert.ok('description' in schema && typeof schema.description === 'string' && schema.description.length > 2, `${name} has a description`);
      }
      assert.deepEqual(readSettings(subject.channel, { ...settings, no_such_field: 'x' }), {
        param: 'no_such_field',
        problem: 'is not a setting of this channel',
      });
      return Promise.resolve();
    },
  },
  {
    name: 'settings: each required field is missed by name',
    run: ({ subject, settings }) => {
      for (const name of subject.channel.config.required ?? []) {
        const rest = Object.fromEntries(Object.entries(settings).filter(([field]) => field !== name));
        assert.deepEqual(readSettings(subject.channel, rest), { param: name, problem: 'is required' });
      }
      return Promise.resolve();
    },
  },
  {
    name: 'settings: every secret is marked',
    run: ({ subject, settings }) => {
      const marked = secretFields(subject.channel);
      assert.ok(marked.length > 0);
      for (const [name, value] of Object.entries(settings)) {
        if (marked.includes(name) || typeof value !== 'string') continue;
        assert.ok(!isPrivateKey(value), `${name} is a private key`);
        assert.ok(!/(^|_)(secret|token|password|private|key)$/.test(name) || isPublic(value), `${name} sounds like a secret and is not one that may be shown`);
      }
      return Promise.resolve();
    },
  },
  {
    name: 'settings: what is wrong with a secret is said without the secret',
    run: ({ subject, settings }) => {
      for (const name of secretFields(subject.channel)) {
        for (const broken of ['canary-7f3a', 'canary-7f3a'.repeat(1000), '-----BEGIN PRIVATE KEY-----\ncanary-7f3a\n-----END PRIVATE KEY-----']) {
          const read = readSettings(subject.channel, { ...settings, [name]: broken });
          assert.doesNotMatch(inspect(read, { depth: 9, showHidden: true }), /canary-7f3a/, name);
        }
      }
      return Promise.resolve();
    },
  },
  {
    name: 'J-03 I-46: no secret, payment code or payer was logged, counted or returned in all of this',
    run: async (bench) => {
      const canaries = [...secretsOf(bench), ...(await payerTraces(bench))];
      assert.ok(canaries.length > 2);
      const { lines, metrics, returned } = await bench.said();
      assert.ok(lines.length > 0 && returned.length > 0);
      const log = lines.join('');
      const facts = inspect(returned, { depth: 12, maxArrayLength: null, maxStringLength: null, breakLength: 1000 });
      for (const { name, text, may_be_returned } of canaries) {
        // A link for the payer carries what the gateway wants in it, as the parameter of that name.
        const returned_text = facts.replaceAll(`${name}=${text}`, '').replaceAll(`${name}: '${text}'`, '');
        assert.ok(!log.includes(text), `${name} is in the log`);
        assert.ok(!metrics.includes(text), `${name} is in the metrics`);
        assert.ok(may_be_returned || !returned_text.includes(text), `${name} was returned`);
      }
    },
  },
];

function isPrivateKey(value: string): boolean {
  if (value.includes('PRIVATE KEY')) return true;
  return (['pkcs8', 'pkcs1'] as const).some((type) => parses(() => createPrivateKey({ key: Buffer.from(value, 'base64'), format: 'der', type })));
}

/** A certificate or a public key, PEM or bare Base64. */
const isPublic = (value: string): boolean =>
  parses(() => new X509Certificate(value)) ||
  parses(() => createPublicKey(value)) ||
  parses(() => createPublicKey({ key: Buffer.from(value, 'base64'), format: 'der', type: 'spki' }));

function parses(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

type Canary = { readonly name: string; readonly text: string; readonly may_be_returned: boolean };

/** Every secret of the account, whole and in the lines that a PEM file breaks it into. */
function secretsOf({ subject, settings }: Bench): readonly Canary[] {
  return secretFields(subject.channel).flatMap((name) => {
    const value = settings[name];
    if (typeof value !== 'string') return [];
    const lines = value.split(/\r?\n/).filter((line) => line.length >= 16 && !line.startsWith('-----'));
    return [...new Set([value, ...lines])].map((text) => ({ name, text, may_be_returned: false }));
  });
}

/** A payment in the payer's own data, which a fact may carry (class C2) and a log may not. */
async function payerTraces(bench: Bench): Promise<readonly Canary[]> {
  const method = barcodeMethod(bench.subject.channel) ?? plainMethod(bench.subject.channel);
  const { input } = await order(bench, method, { payer_ip: '203.0.113.77' });
  const traces = { auth_code: input.auth_code, payer_ip: input.payer_ip, subject: input.subject };
  return Object.entries(traces).flatMap(([name, text]) => (text === undefined ? [] : [{ name, text, may_be_returned: true }]));
}
