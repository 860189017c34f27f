import assert from 'node:assert/strict';
import { it } from 'node:test';
import { assertOneReading, parseFlatForm } from './flat-form.ts';

const read = (text: string) => ({ ...parseFlatForm(Buffer.from(text)) });

it('a form is read as its values are once decoded', () => {
  assert.deepEqual(read('a=1&b=%E8%8C%B6+x%2B&c='), { a: '1', b: '茶 x+', c: '' });
});

it('B-08: what two readers could take for different messages is refused', () => {
  for (const text of ['a=1&a=2', 'a=1&%61=1', 'a%3D1=2', 'a=1&b%26c=2', '=1', 'a b=1', 'a[]=1', Array.from({ length: 201 }, (_, at) => `f${at}=1`).join('&')])
    assert.throws(() => read(text), Error, text);
});

it('a value in which another field could begin is refused', () => {
  for (const [value, is_one] of [
    ['x', true],
    ['x & y = z', true],
    ['https://shop.example/?a=1', true],
    ['x&amount=1', false],
    ['&b=', false],
  ] as const) {
    const check = () => assertOneReading({ a: '1', body: value });
    if (is_one) check();
    else assert.throws(check, /several fields/, value);
  }
});
