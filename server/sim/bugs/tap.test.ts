import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOutcomes } from './tap.ts';

const output = `TAP version 13
# Subtest: suite
    # Subtest: I-01 takes a \\# and a \\\\
    ok 1 - I-01 takes a \\# and a \\\\
      ---
      duration_ms: 1.2
      ...
    not ok 2 - I-02 fails
    ok 3 - left out # SKIP no browser
    1..3
not ok 1 - suite
`;

test('what a run of tests said is read by title, what it left out is neither, and one that was killed has not ended', () => {
  assert.deepEqual(readOutcomes(output, 1), { passed: ['I-01 takes a # and a \\'], failed: ['I-02 fails', 'suite'], ended: true });
  assert.equal(readOutcomes(output, null).ended, false);
});
