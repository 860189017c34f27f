import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { methods } from '@heliu/contract';
import { capabilities, printChannels } from './capabilities.ts';
import type { Channel } from './define.ts';
import { artificial } from './kit/artificial-channel.ts';
import { channels } from './registry.ts';

/** Methods that the contract names and no channel serves yet, in its order: whoever registers a channel takes its methods out. */
const awaited: readonly string[] = ['bestpay_jsapi', 'bestpay_h5', 'bestpay_page'];

describe('capabilities', () => {
  it('are the methods that a channel declares, in the order of the contract', () => {
    const [capability] = capabilities(new Map([['artificial', artificial as Channel]]));
    assert.deepEqual(capability?.methods, ['wechat_qr', 'wechat_h5', 'wechat_app', 'wechat_barcode']);
  });

  it('leave no method of the contract unserved but those whose channels are being built', () => {
    const served = new Set(capabilities().flatMap((capability) => capability.methods));
    assert.deepEqual(
      Object.keys(methods).filter((method) => !served.has(method as keyof typeof methods)),
      awaited,
    );
  });

  it('take a payment code only where its order can be reversed', () => {
    for (const channel of channels.values()) {
      const takes_codes = Object.keys(channel.pay).some((method) => methods[method as keyof typeof methods].scene === 'barcode');
      assert.ok(!takes_codes || channel.reverse !== undefined, channel.code);
    }
  });
});

describe('the printed matrix', () => {
  it('marks each method of each channel once', () => {
    const [table = ''] = printChannels().split('| 关单');
    assert.equal(
      table
        .split('\n')
        .filter((line) => line.startsWith('| `'))
        .join('')
        .match(/[✓⚗]/gu)?.length,
      capabilities().reduce((sum, { methods: served }) => sum + served.length, 0),
    );
  });
});

describe('the registry', () => {
  it('holds each channel under its own code, which is fit for a URL', () => {
    for (const [code, channel] of channels) {
      assert.equal(channel.code, code);
      assert.match(code, /^[a-z][a-z0-9]{1,19}$/);
    }
  });
});
