import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { unexpectedOf } from './ending.ts';

describe('the ending of a crash', () => {
  const usual = ['a is paid', 'a was told of: payment.paid', 'wallet holds 877 of a'];

  it('is the usual one, or differs by what is there too much and too little', () => {
    assert.equal(unexpectedOf(usual, usual, []), undefined);
    assert.deepEqual(unexpectedOf(['a is closed', 'wallet holds 877 of a'], usual, []), {
      more: ['a is closed'],
      less: ['a is paid', 'a was told of: payment.paid'],
    });
  });

  it('counts what is there twice as two', () => {
    assert.deepEqual(unexpectedOf([...usual, 'a was told of: payment.paid'], usual, []), { more: ['a was told of: payment.paid'], less: [] });
    assert.deepEqual(unexpectedOf(usual, [...usual, 'a was told of: payment.paid'], []), { more: [], less: ['a was told of: payment.paid'] });
  });

  it('may be another one that is allowed, as a whole and no part of it', () => {
    const also = [{ instead_of: usual, ending: ['a is closed'], because: 'nobody was charged' }];
    assert.equal(unexpectedOf(['a is closed'], usual, also), undefined);
    assert.deepEqual(unexpectedOf(['a is closed', 'wallet holds 877 of a'], usual, also), {
      more: ['a is closed'],
      less: ['a is paid', 'a was told of: payment.paid'],
    });
  });
});
