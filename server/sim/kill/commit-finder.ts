/**
 * Reads what a client says to PostgreSQL and tells where a change is made lasting: the end of a writing statement outside a
 * transaction, or a COMMIT. Frontend messages of protocol 3.0, see https://www.postgresql.org/docs/18/protocol-message-formats.html
 */
export type CommitFinder = (chunk: Buffer) => boolean;

const writes = /\b(insert\s+into|update\s+\w+|delete\s+from)\b/i;
const begins = /^\s*(begin|start\s+transaction)\b/i;
const commits = /^\s*commit\b/i;
const rolls_back = /^\s*rollback\b/i;

/** One finder for one connection, given its bytes in order. True when the chunk holds the end of a commit. */
export function createCommitFinder(): CommitFinder {
  let rest: Buffer = Buffer.alloc(0);
  let started = false;
  let in_transaction = false;
  /** What has been bound since the last Sync is executed by the next one. */
  let pending = '';
  const texts = new Map<string, string>();

  /** True when the text, as it is executed now, ends in a commit. */
  const execute = (text: string): boolean => {
    if (begins.test(text)) in_transaction = true;
    const lasting = commits.test(text) || (!in_transaction && writes.test(text));
    if (commits.test(text) || rolls_back.test(text)) in_transaction = false;
    return lasting;
  };
  const hear = (type: string, body: Buffer): boolean => {
    if (type === 'P') {
      const [name = '', text = ''] = cStrings(body, 2);
      texts.set(name, text);
    }
    if (type === 'B') pending = texts.get(cStrings(body, 2)[1] ?? '') ?? '';
    if (type === 'Q') return execute(cStrings(body, 1)[0] ?? '');
    if (type === 'S' && pending !== '') {
      const text = pending;
      pending = '';
      return execute(text);
    }
    return false;
  };
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    let found = false;
    for (;;) {
      // The first message of a connection has no type.
      const head = started ? 1 : 0;
      if (rest.length < head + 4) return found;
      const length = head + rest.readUInt32BE(head);
      if (rest.length < length) return found;
      if (started && hear(rest.toString('latin1', 0, 1), rest.subarray(5, length))) found = true;
      started = true;
      rest = rest.subarray(length);
    }
  };
}

function cStrings(body: Buffer, count: number): string[] {
  const found: string[] = [];
  for (let at = 0; found.length < count && at < body.length; ) {
    const end = body.indexOf(0, at);
    if (end < 0) break;
    found.push(body.toString('utf8', at, end));
    at = end + 1;
  }
  return found;
}

const ready_for_query = Buffer.from([0x5a, 0, 0, 0, 5]);

/** The server has done everything up to the last Sync: its answer ends in ReadyForQuery. */
export const endsInReady = (chunk: Buffer): boolean => chunk.length >= 6 && chunk.subarray(chunk.length - 6, chunk.length - 1).equals(ready_for_query);
