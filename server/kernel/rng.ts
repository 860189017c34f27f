/** Randomness is passed in: `Rng` is the port. Production uses the operating system's generator. */
export type Rng = {
  bytes(length: number): Buffer;
};

/** `length` random bytes as lower-case hex: a nonce for signatures. */
export const randomHex = (rng: Rng, length: number): string => rng.bytes(length).toString('hex');

/** A fraction in [0, 1) with 32 bits, for jitter. */
export const randomFraction = (rng: Rng): number => rng.bytes(4).readUInt32BE(0) / 2 ** 32;
