import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { memoryJournal, openJournal } from './journal.ts';

const rng = { bytes: (length: number) => randomBytes(length) };
const folder = mkdtempSync(join(tmpdir(), 'heliu-journal-'));
after(() => rmSync(folder, { recursive: true }));

/** Opens, uses and closes, as one run of the program does. */
function run<T>(path: string, use: (journal: ReturnType<typeof openJournal>) => T): T {
  const journal = openJournal(path, rng);
  try {
    return use(journal);
  } finally {
    journal.close();
  }
}

describe('the file journal', () => {
  test('gives back after a restart what was appended, in order, under the same id', () => {
    const path = join(folder, 'deep/er/a.jsonl');
    const id = run(path, (journal) => {
      assert.deepEqual([...journal.load()], []);
      journal.append({ n: 1, text: '合流\n' });
      journal.append({ n: 2 });
      return journal.id;
    });
    run(path, (journal) => {
      assert.equal(journal.id, id);
      assert.deepEqual([...journal.load()], [{ n: 1, text: '合流\n' }, { n: 2 }]);
    });
  });

  test('OF-01 drops a line that a crash cut off and appends after it cleanly, wherever the cut is', () => {
    const path = join(folder, 'torn.jsonl');
    run(path, (journal) => journal.append({ n: 1, text: '金额' }));
    const whole = readFileSync(path);
    const kept = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
    for (let cut = kept; cut < whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut));
      run(path, (journal) => {
        assert.deepEqual([...journal.load()], [], `cut at ${cut}`);
        journal.append({ after: cut });
      });
      run(path, (journal) => assert.deepEqual([...journal.load()], [{ after: cut }]));
    }
  });

  test('has another id after its file was removed, or cut inside the first line', () => {
    const path = join(folder, 'gone.jsonl');
    const first = run(path, (journal) => journal.id);
    rmSync(path);
    const second = run(path, (journal) => journal.id);
    assert.notEqual(second, first);
    writeFileSync(path, '{"jour');
    assert.notEqual(
      run(path, (journal) => journal.id),
      second,
    );
  });

  test('names the file and the line when a line before the last is broken', () => {
    const path = join(folder, 'broken.jsonl');
    run(path, (journal) => journal.append(1));
    appendFileSync(path, 'x\n2\n');
    assert.throws(() => run(path, () => undefined), /broken\.jsonl line 3 is not JSON/);
  });

  test('is readable by its owner only', () => {
    const path = join(folder, 'mode.jsonl');
    run(path, () => undefined);
    assert.equal(statSync(path).mode & 0o077, 0);
  });
});

test('the memory journal gives what a file would give', () => {
  const journal = memoryJournal();
  journal.append({ at: new Date(0), none: undefined });
  assert.deepEqual([...journal.load()], [{ at: '1970-01-01T00:00:00.000Z' }]);
});
