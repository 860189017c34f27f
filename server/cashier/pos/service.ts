import { scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import {
  createPairingCode as createPairingCodeOperation,
  type Device as DeviceView,
  revokeDevice as revokeDeviceOperation,
  setSupervisorPin as setSupervisorPinOperation,
} from '@heliu/contract';
import { createRateLimit } from '../../access/rate-limit.ts';
import { equalConstantTime } from '../../kernel/digest.ts';
import { newId } from '../../kernel/id.ts';
import { device_guesses_burst, device_guesses_per_s, pairing_code_ms, pin_failures_max, pin_lock_ms, rate_limit_keys_max } from '../../kernel/limits.ts';
import { toFen } from '../../kernel/money.ts';
import { RefusalError, refuse } from '../../kernel/refusal.ts';
import { addMs } from '../../kernel/time.ts';
import { getMerchant } from '../../merchants/service.ts';
import { openStore } from '../../merchants/stores/service.ts';
import { activeTerminal, activeTerminalWithin } from '../../merchants/terminals/service.ts';
import { perNode } from '../../platform/cache.ts';
import type { Caller } from '../../platform/caller.ts';
import type { Ctx } from '../../platform/ctx.ts';
import type { Call } from '../../platform/http/bind.ts';
import { type FrozenReply, idempotent, withReply } from '../../platform/idempotency/idempotency.ts';
import { type Device, hashDeviceToken, hashPairingCode, newDeviceToken, newPairingCode, viewDevice } from './device.ts';
import * as store from './store.ts';

/** Gives a code that pairs one device with a terminal within ten minutes. */
export function createPairingCode({ ctx, ...call }: Call<typeof createPairingCodeOperation>): Promise<FrozenReply> {
  const { caller, params, body } = call;
  return withReply({ ctx, ...call }, createPairingCodeOperation.id, async (tx) => {
    const terminal = await activeTerminalWithin(tx, caller, params.terminal_id);
    const code = newPairingCode(ctx.rng);
    const expires_at = addMs(ctx.clock.now(), pairing_code_ms);
    const { merchant_id, livemode, id: terminal_id } = terminal;
    const secret_hash = hashPairingCode(code) as Buffer;
    await store.putPairingCode(tx, { merchant_id, terminal_id, livemode, secret_hash, refund_fen_max: toFen(body.refund_fen_max ?? 0), expires_at });
    return { status: createPairingCodeOperation.status, body: { code, expires_at: expires_at.toISOString() }, object_id: terminal_id };
  });
}

export type Paired = { readonly token: string; readonly device: DeviceView };

/** Pairs a device by a code of one use. Wrong, used and old codes are told alike, and guessing is slow. */
export async function pairDevice(ctx: Ctx, input: { readonly code: string; readonly device_name: string; readonly address: string }): Promise<Paired> {
  const guesses = guessesOf(ctx);
  spend(ctx, guesses, input.address);
  const secret_hash = hashPairingCode(input.code);
  const token = newDeviceToken(ctx.rng);
  const device = await ctx.db.kysely.transaction().execute(async (tx) => {
    const created_at = ctx.clock.now();
    const taken = secret_hash && (await store.takePairingCode(tx, secret_hash, created_at));
    if (!taken) throw new RefusalError(refuse('pairing_code_wrong', 'code'));
    const terminal = await activeTerminalWithin(tx, taken, taken.terminal_id);
    const made: Device = {
      merchant_id: taken.merchant_id,
      id: newId('device', created_at, ctx.rng),
      livemode: taken.livemode,
      store_id: terminal.store_id,
      terminal_id: terminal.id,
      name: input.device_name,
      refund_fen_max: taken.refund_fen_max,
      state: 'active',
      created_at,
      revoked_at: null,
    };
    await store.insertDevice(tx, { ...made, secret_hash: hashDeviceToken(token) as Buffer });
    return made;
  });
  guesses.giveBack(input.address);
  return { token, device: viewDevice(device) };
}

/** The device that a request comes from. It is read each time, so that a revoked one is refused at once. */
export async function authenticateDevice(ctx: Ctx, authorization: string | undefined, address: string): Promise<Device> {
  const guesses = guessesOf(ctx);
  const secret_hash = hashDeviceToken(/^bearer (\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
  const device = secret_hash && (await store.findByHash(ctx, secret_hash));
  if (device?.state !== 'active') {
    // Who is known and revoked has tried nothing; who is unknown may be guessing.
    if (!device) spend(ctx, guesses, address);
    throw new RefusalError(refuse('device_unauthenticated'));
  }
  const merchant = await getMerchant(ctx, device.merchant_id);
  if (merchant.state !== 'active') throw new RefusalError(refuse('merchant_suspended'));
  await activeTerminal(ctx, device, device.terminal_id);
  return device;
}

export function revokeDevice({ ctx, ...call }: Call<typeof revokeDeviceOperation>): Promise<FrozenReply> {
  const { merchant_id, livemode } = call.caller;
  const id = call.params.device_id;
  return idempotent({ ctx, ...call }, revokeDeviceOperation.id, id, async () => {
    const device = await store.revokeDevice(ctx, { merchant_id, livemode, id }, ctx.clock.now());
    if (!device) throw new RefusalError(refuse('device_not_found', 'device_id'));
    return { status: revokeDeviceOperation.status, body: viewDevice(device) };
  });
}

/** Newest first. */
export async function listDevices(ctx: Ctx, caller: Caller, filter: Omit<store.DeviceFilter, 'merchant_id' | 'livemode'>): Promise<DeviceView[]> {
  const { merchant_id, livemode } = caller;
  return (await store.listDevices(ctx, { ...filter, merchant_id, livemode })).map(viewDevice);
}

/** Some 60 ms and 32 MiB a try (2026-11-22): a stolen table of PINs of six digits is still open in a day, so the lock matters more. */
const scrypt_cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
const derive = promisify<string, Buffer, number, typeof scrypt_cost, Buffer>(scrypt);
const hashPin = (pin: string, salt: Buffer): Promise<Buffer> => derive(pin, salt, 32, scrypt_cost);

export async function setSupervisorPin({ ctx, ...call }: Call<typeof setSupervisorPinOperation>): Promise<FrozenReply> {
  const { caller, body } = call;
  const { store_id } = call.params;
  // The hash of this request is kept as long as its key: it must not give the PIN away any sooner than the PIN's own hash.
  const request_hash = await hashPin(call.request_hash.toString('hex'), Buffer.from(`${store_id}/${call.idempotency_key ?? ''}`));
  return idempotent({ ctx, ...call, request_hash }, setSupervisorPinOperation.id, store_id, async () => {
    await openStore(ctx, caller, store_id);
    const set_at = ctx.clock.now();
    const salt = ctx.rng.bytes(16);
    await store.putPin(ctx, { merchant_id: caller.merchant_id, store_id, salt, pin_hash: await hashPin(body.pin, salt), set_at });
    return { status: setSupervisorPinOperation.status, body: { object: 'supervisor_pin', store_id, set_at: set_at.toISOString() } };
  });
}

/** Passes with the right PIN of the device's store. Five wrong ones in a row lock all tills of the store for a while. */
export async function checkSupervisorPin(ctx: Ctx, { merchant_id, store_id }: Device, pin: string): Promise<void> {
  const now = ctx.clock.now();
  const tried = await store.beginPinTry(ctx, { merchant_id, store_id }, { now, failures_max: pin_failures_max, locked_until: addMs(now, pin_lock_ms) });
  if (!tried) throw new RefusalError(refuse('supervisor_pin_missing'));
  if (tried.locked_until) {
    const retry_after_s = Math.ceil((tried.locked_until.getTime() - now.getTime()) / 1000);
    throw new RefusalError(refuse('supervisor_pin_locked', 'pin', { retry_after_s }));
  }
  if (!equalConstantTime(await hashPin(pin, tried.salt), tried.pin_hash)) throw new RefusalError(refuse('supervisor_pin_wrong', 'pin'));
  await store.forgivePin(ctx, { merchant_id, store_id });
}

type Guesses = ReturnType<typeof createRateLimit>;

function spend(ctx: Ctx, guesses: Guesses, address: string): void {
  const wait_ms = guesses.take(address, ctx.clock.monotonic_ms());
  if (wait_ms > 0) throw new RefusalError(refuse('rate_limited', undefined, { retry_after_s: Math.ceil(wait_ms / 1000) }));
}

const guessesOf = perNode(() => createRateLimit({ rate_per_s: device_guesses_per_s, burst: device_guesses_burst, names_max: rate_limit_keys_max }));
