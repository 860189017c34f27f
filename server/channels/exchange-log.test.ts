import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../platform/clock.ts';
import { createLog } from '../platform/log.ts';
import type { Account } from './define.ts';
import { recordThrow } from './exchange-log.ts';

const account = { id: 'acc_1', channel: 'artificial' } as Account;

function placeOf(stack: string, message = 'boom'): unknown {
  const error = Object.assign(new TypeError(message), { stack });
  const lines: string[] = [];
  recordThrow({ log: createLog('error', systemClock, { write: (line) => void lines.push(line) }) }, account, 'pay', error);
  return JSON.parse(lines.join('')).at;
}

describe('where an adapter threw', () => {
  const frames = [
    ['a module', 'read (file:///heliu/server/channels/epay/pay.ts:3:7)'],
    ['a module of Node', 'JSON.parse (node:internal/json:1:1)'],
    ['a source that a map tells', 'async Module.start (/heliu/server/channels/epay/pay.ts:3:7)'],
    ['such a source without a function', '/heliu/server/channels/epay/pay.ts:3:7'],
    ['such a source on Windows', 'read (C:\\heliu\\server\\channels\\epay\\pay.ts:3:7)'],
  ] as const;
  for (const [what, frame] of frames)
    it(`is told of ${what}`, () => {
      assert.equal(placeOf(`TypeError: boom\n    at ${frame}\n    at node:internal/process/task_queues:1:1`), frame);
    });

  it('is never taken from the message, which may quote what a channel sent', () => {
    const message = 'no JSON:\n    at /secret/13465:1:1\n    at read (file:///secret:1:1)';
    assert.equal(placeOf(`TypeError: ${message}\n    at read (/heliu/pay.ts:3:7)`, message), 'read (/heliu/pay.ts:3:7)');
    assert.equal(placeOf(`TypeError: ${message}`, message), undefined);
  });
});
