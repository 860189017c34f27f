/** A broken belief of ours: the caller gets a 500 with a request id, the transaction rolls back, the log has the story. */
export class Bug extends Error {
  override readonly name = 'Bug';
}

export function assert(condition: unknown, belief: string): asserts condition {
  if (!condition) throw new Bug(`believed: ${belief}`);
}
