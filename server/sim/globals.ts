import crypto, { type KeyObject } from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { createDice, type Dice } from './dice.ts';

/**
 * What a process has beside its ports, made repeatable. Imported before anything of the product: the product takes time and
 * chance from its ports, but libraries do not, and work on the thread pool ends whenever it likes. So the thread pool's
 * functions work at once, time and chance are the world's, and a way out that is not a port throws.
 */
type World = { readonly now_ms: () => number; readonly dice: Dice };
let world: World | undefined;

const RealDate = Date;
const real = {
  setImmediate: globalThis.setImmediate,
  setTimeout: globalThis.setTimeout,
  now_ms: RealDate.now.bind(RealDate),
  fetch: globalThis.fetch,
  random: Math.random,
};

/** Milliseconds of the machine, for what a run itself cost. */
export const realNow_ms = (): number => real.now_ms();

/** Immediates and web crypto under way: the system is not quiet before they are done. */
let pending = 0;

/** Runs everything that is ready, until only an event of the world can go on. */
export async function drain(): Promise<void> {
  do await new Promise<void>((resolve) => real.setImmediate(resolve));
  while (pending > 0);
}

/** From now on time and chance are this world's; without one they are the machine's. */
export function enterWorld(entered: World | undefined): void {
  world = entered;
  looks = 0;
}

class VirtualDate extends RealDate {
  constructor(...given: unknown[]) {
    if (given.length === 0) super(now_ms('new Date()', VirtualDate));
    else super(...(given as [number]));
  }
  static override now(): number {
    return now_ms('Date.now', VirtualDate.now);
  }
}
function now_ms(name: string, asked: Asked | typeof VirtualDate): number {
  if (!world) return real.now_ms();
  notOfOurs(name, asked);
  return world.now_ms();
}

/**
 * Libraries are given the world's time and chance; what is ours has its ports, and past them it would be given a clock that
 * is never wrong. Who asks is seen in the stack, which takes 5 µs (2026-11-23), and libraries ask 18,000 times in a world:
 * one look of 64 is checked, the same ones whenever the world is run. `npm run check -- pure` reads every line.
 */
type Asked = (...given: never[]) => unknown;
let looks = 0;
const looks_apart = 64;
function notOfOurs(name: string, asked: Asked | typeof VirtualDate): void {
  if (looks++ % looks_apart > 0) return;
  const { stackTraceLimit, prepareStackTrace } = Error;
  Error.stackTraceLimit = 1;
  Error.prepareStackTrace = (_, [frame]) => frame?.getFileName() ?? '';
  const place: { stack?: string } = {};
  Error.captureStackTrace(place, asked as Asked);
  const file = place.stack ?? '';
  Object.assign(Error, { stackTraceLimit, prepareStackTrace });
  if (file.startsWith(product) && !beside.test(file)) throw new Error(`${name} was used past the ports by ${file}`);
}
const product = new URL('../', import.meta.url).href;
const beside = /\/(sim|bench|testing|node_modules)\/|\.test\.ts$/;

/**
 * Nothing of ours waits for the machine's clock or calls out past its ports. Fastify watches its own start with timers, and
 * PGlite would interrupt a statement that takes long by the machine's clock: neither may happen, so theirs never ring.
 */
const silent_timer = { unref: () => silent_timer, ref: () => silent_timer, hasRef: () => false };
const notInside = (name: string, outside: (...given: never[]) => unknown) =>
  Object.assign((...given: never[]) => {
    if (!world) return outside(...given);
    if (/node_modules.(avvio|@electric-sql)/.test(new Error('where').stack ?? '')) return silent_timer;
    throw new Error(`${name} was used past the ports`);
  }, outside);

globalThis.Date = VirtualDate as DateConstructor;
Math.random = function random() {
  if (!world) return real.random();
  notOfOurs('Math.random', random);
  return world.dice.fraction();
};
globalThis.fetch = notInside('fetch', real.fetch) as typeof fetch;
globalThis.setTimeout = notInside('setTimeout', real.setTimeout as never) as typeof setTimeout;
globalThis.setInterval = notInside('setInterval', globalThis.setInterval as never) as typeof setInterval;
globalThis.setImmediate = Object.assign((run: (...given: unknown[]) => void, ...given: unknown[]) => {
  pending += 1;
  return real.setImmediate(() => {
    pending -= 1;
    run(...given);
  });
}, real.setImmediate) as typeof setImmediate;

/**
 * RSA key pairs are made when they are first asked for and lent again to the next world in the same order: making one takes
 * a tenth of a second. The n-th is the same in every process: signatures are stored, stored bytes decide where a row lies,
 * and that decides in which order PostgreSQL gives rows that nobody has asked to be ordered.
 */
const pairs: KeyObject[] = [];
const pairs_max = 240;
let lent = 0;
export const lendKeysAnew = (): void => {
  lent = 0;
};
const { sign, randomFillSync, randomBytes } = crypto;
function lendKey(): KeyObject {
  const at = lent++ % pairs_max;
  const key = pairs[at] ?? rsaKeyOf(createDice('keys', String(at)));
  pairs[at] = key;
  return key;
}

const exponent = 65_537n;
const prime_bytes = 128;

/** A key of 2048 bits that is the dice's alone. */
function rsaKeyOf(dice: Dice): KeyObject {
  const p = primeOf(dice);
  const q = primeOf(dice);
  const d = inverse(exponent, (p - 1n) * (q - 1n));
  const numbers = { n: p * q, e: exponent, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) };
  return crypto.createPrivateKey({
    key: { kty: 'RSA', ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, base64url(value)])) },
    format: 'jwk',
  });
}

function primeOf(dice: Dice): bigint {
  const bytes = dice.bytes(prime_bytes);
  // The two highest bits make the product as long as it has to be.
  bytes[0] = (bytes[0] as number) | 0xc0;
  let candidate = BigInt(`0x${bytes.toString('hex')}`) | 1n;
  while (candidate % exponent === 1n || !crypto.checkPrimeSync(candidate)) candidate += 2n;
  return candidate;
}

/** The inverse of `value` modulo `modulus`, by Euclid. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [before, rest, factor_before, factor] = [modulus, value % modulus, 0n, 1n];
  while (rest > 0n) {
    const times = before / rest;
    [before, rest] = [rest, before - times * rest];
    [factor_before, factor] = [factor, factor_before - times * factor];
  }
  return ((factor_before % modulus) + modulus) % modulus;
}

function base64url(value: bigint): string {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url');
}

const signAtOnce = (algorithm: string, data: Buffer, key: KeyObject, done?: (error: null, signature: Buffer) => void) => {
  const signature = sign(algorithm, data, key);
  if (!done) return signature;
  queueMicrotask(() => done(null, signature));
  return undefined;
};
const pairOf = (key: KeyObject) => ({ privateKey: key, publicKey: crypto.createPublicKey(key as never) });
const generateAtOnce = (_type: string, _options: object, done: (error: null, publicKey: KeyObject, privateKey: KeyObject) => void) => {
  const { publicKey, privateKey } = pairOf(lendKey());
  queueMicrotask(() => done(null, publicKey, privateKey));
};
Object.assign(generateAtOnce, { [promisify.custom]: () => Promise.resolve(pairOf(lendKey())) });
Object.assign(crypto, {
  sign: signAtOnce,
  generateKeyPair: generateAtOnce,
  randomBytes: function bytesOf(length: number) {
    if (!world) return randomBytes(length);
    notOfOurs('randomBytes', bytesOf);
    return world.dice.bytes(length);
  },
  randomFillSync: function fill(buffer: Buffer) {
    if (!world) return randomFillSync(buffer);
    notOfOurs('randomFillSync', fill);
    world.dice.bytes(buffer.length).copy(buffer);
    return buffer;
  },
});
syncBuiltinESMExports();

/** Streams that unpack do so at the end of their input: the thread pool would be done whenever it likes. */
type Unpacked = { readonly buffer: Buffer; readonly engine: { readonly bytesWritten: number } };
const packed = new WeakMap<object, Buffer[]>();
for (const [unpacker, whole] of [
  [zlib.Gunzip, zlib.gunzipSync],
  [zlib.InflateRaw, zlib.inflateRawSync],
] as const) {
  Object.assign(unpacker.prototype, {
    _transform(this: object, part: Buffer, _encoding: string, done: () => void) {
      packed.set(this, [...(packed.get(this) ?? []), part]);
      done();
    },
    _flush(this: { bytesWritten: number }, done: (error: Error | null, bytes?: Buffer) => void) {
      let unpacked: Unpacked;
      try {
        unpacked = whole(Buffer.concat(packed.get(this) ?? []), { info: true }) as unknown as Unpacked;
      } catch (error) {
        return done(error as Error);
      }
      this.bytesWritten = unpacked.engine.bytesWritten;
      return done(null, unpacked.buffer);
    },
  });
}

const { subtle } = crypto.webcrypto;
for (const name of ['sign', 'verify', 'digest', 'importKey', 'exportKey'] as const) {
  const work = (subtle[name] as (...given: never[]) => Promise<unknown>).bind(subtle);
  Object.defineProperty(subtle, name, {
    value: (...given: never[]) => {
      pending += 1;
      return work(...given).finally(() => {
        pending -= 1;
      });
    },
  });
}
Object.defineProperty(subtle, 'generateKey', {
  value: (algorithm: { name: string; hash: string }) => {
    const { privateKey, publicKey } = pairOf(lendKey());
    return Promise.resolve({ privateKey: privateKey.toCryptoKey(algorithm, true, ['sign']), publicKey: publicKey.toCryptoKey(algorithm, true, ['verify']) });
  },
});
