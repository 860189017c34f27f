import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import { isRefusal } from '../../kernel/refusal.ts';
import { aWorld, type World } from '../../testing/world.ts';
import { rebuildPng } from './png.ts';
import { readReturnUrl } from './return-url.ts';

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
};
function aPng({ width = 2, height = 2, between = [] as Buffer[], behind = Buffer.alloc(0) } = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const pixels = deflateSync(Buffer.alloc(height * (1 + width * 3)));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', header),
    ...between,
    chunk('IDAT', pixels),
    chunk('IEND', Buffer.alloc(0)),
    behind,
  ]);
}

describe('C-04 an address to return to', () => {
  const hosts = ['shop.example', 'shop.example:8443'];
  for (const url of [
    'javascript:alert(1)',
    'data:text/html,x',
    '//evil.example/',
    'http://shop.example/',
    'https://evil.example/',
    'https://shop.example.evil.example/',
    'https://shop.example@evil.example/',
    'https://user:pw@shop.example/',
    'https://evil.example\\@shop.example/',
    'https://evil.example#@shop.example/',
    'https://shop.example:444/',
    'https://xn--shop-.example/',
    'https://ｅvil.example/',
    'ftp://shop.example/',
    'https://localhost/',
    'http://127.0.0.1:3000/',
    'https://',
    'shop.example',
  ]) {
    it(`is refused in live mode: ${url}`, () => assert.ok(isRefusal(readReturnUrl(url, { hosts, livemode: true }))));
  }
  it('is taken on a registered host over https, and read as browsers read it', () => {
    assert.equal(readReturnUrl('https://SHOP.example/a/../b?x=1', { hosts, livemode: true }), 'https://shop.example/b?x=1');
    assert.equal(readReturnUrl('https://shop.example:8443/', { hosts, livemode: true }), 'https://shop.example:8443/');
    assert.equal(readReturnUrl('https://shop.example\\@evil.example/', { hosts, livemode: true }), 'https://shop.example/@evil.example/');
  });
  it('may be this machine in test mode, and nothing else that is not registered', () => {
    assert.equal(readReturnUrl('http://localhost:3000/', { hosts: [], livemode: false }), 'http://localhost:3000/');
    for (const url of ['http://localhost.evil.example/', 'http://evil.example/', 'https://evil.example/', 'http://user@localhost/', 'http://10.0.0.1/'])
      assert.ok(isRefusal(readReturnUrl(url, { hosts: [], livemode: false })), url);
  });
});

describe('C-05 a logo', () => {
  it('is rebuilt from the chunks that draw, without what else came along', () => {
    const plain = aPng();
    assert.deepEqual(rebuildPng(plain), plain);
    assert.deepEqual(rebuildPng(aPng({ between: [chunk('tEXt', Buffer.from('<script>')), chunk('eXIf', Buffer.from('x'))] })), plain);
  });
  const broken = aPng();
  broken[20] = 9;
  for (const [what, bytes] of Object.entries({
    'an SVG': Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    'a page': Buffer.from('<!doctype html><script>alert(1)</script>'),
    nothing: Buffer.alloc(0),
    'a head alone': aPng().subarray(0, 8),
    'half of it': aPng().subarray(0, -5),
    'something behind the end': aPng({ behind: Buffer.from('<script>') }),
    'a chunk that would draw otherwise': aPng({ between: [chunk('ABCD', Buffer.from('x'))] }),
    'too wide a one': aPng({ width: 513, height: 1 }),
    'a wrong sum': broken,
  })) {
    it(`is refused: ${what}`, () => assert.equal(rebuildPng(bytes), undefined));
  }
});

describe('the settings of a merchant', () => {
  let world: World;
  before(async () => {
    world = await aWorld();
  });
  after(() => world.close());
  const call = (method: 'GET' | 'POST', body?: object, key = world.key) => world.flow(world.api(method, '/v1/cashier_settings', { body, key }));

  it('are empty at first, change by what is named, and keep the rest', async () => {
    assert.deepEqual((await call('GET')).body, {
      object: 'cashier_settings',
      livemode: false,
      display_name: null,
      color: null,
      logo_png: null,
      return_hosts: [],
    });
    const logo_png = aPng().toString('base64');
    assert.equal((await call('POST', { display_name: '街角咖啡', logo_png, return_hosts: ['shop.example'] })).status, 200);
    const changed = (await call('POST', { color: '#0b6b53', display_name: null })).body;
    assert.deepEqual([changed.display_name, changed.color, changed.logo_png, changed.return_hosts], [null, '#0b6b53', logo_png, ['shop.example']]);
    assert.equal((await call('POST', { logo_png: null })).body.logo_png, null);
  });

  it('are each mode\u2019s own, and need their own permission', async () => {
    const live = await world.newKey(world.merchant.id, true, ['cashier_settings:read', 'cashier_settings:write']);
    await call('POST', { color: '#123456' });
    assert.equal((await call('GET', undefined, live)).body.color, null);
    const without = await world.newKey(world.merchant.id, false, ['payments:write', 'checkout_sessions:write']);
    assert.equal((await call('POST', { return_hosts: ['evil.example'] }, without)).body.error.code, 'scope_missing');
  });

  it('C-05 refuse what is no logo, no colour and no host, and name the field', async () => {
    for (const [param, value, code] of [
      ['logo_png', Buffer.from('<svg/>').toString('base64'), 'logo_refused'],
      ['color', 'red', 'parameter_invalid'],
      ['color', '#fff;} body{', 'parameter_invalid'],
      ['return_hosts', ['https://shop.example'], 'parameter_invalid'],
      ['return_hosts', ['*'], 'parameter_invalid'],
      ['return_hosts', ['shop.example; script-src *'], 'parameter_invalid'],
      ['display_name', '\u202Eevil', 'parameter_invalid'],
    ] as const) {
      const answer = await call('POST', { [param]: value });
      assert.equal(answer.body.error.code, code, answer.text);
      assert.ok(answer.body.error.param.startsWith(param), answer.text);
    }
  });

  it('C-04 decide where a session may lead back to', async () => {
    await call('POST', { return_hosts: ['shop.example'] });
    const create = (return_url: string, n: string) =>
      world.flow(world.api('POST', '/v1/checkout_sessions', { body: { merchant_order_no: n, amount_fen: 1, subject: 'x', return_url } }));
    assert.equal((await create('https://shop.example/thanks', 'r-1')).body.return_url, 'https://shop.example/thanks');
    const refused = await create('https://evil.example/', 'r-2');
    assert.deepEqual([refused.status, refused.body.error.code, refused.body.error.param], [422, 'return_url_refused', 'return_url']);
    const found = await world.flow(world.api('GET', '/v1/payments/by-order-no/r-2'));
    assert.equal(found.status, 404, 'nothing was written');
  });
});
