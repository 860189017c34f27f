import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { listPayments } from '@heliu/contract';
import fc from 'fast-check';
import { issuerOfPaymentCode } from '../../channels/payment-code.ts';
import { channelNo, id_prefixes, isId, newId, readChannelNo } from '../../kernel/id.ts';
import { formatYuan, parseYuan } from '../../kernel/money.ts';
import { isRefusal } from '../../kernel/refusal.ts';
import { parseRfc3339, parseShanghai, parseShanghaiCompact } from '../../kernel/time.ts';
import { addressRefusal } from '../../platform/egress/address.ts';
import { readTarget } from '../../platform/egress/target.ts';
import { type CursorScope, readCursor, writeCursor } from '../../platform/http/cursor.ts';
import { readJson } from '../../platform/http/json.ts';
import { readQuery } from '../../platform/http/query.ts';
import { compile } from '../../platform/http/validate.ts';
import { createTestRng } from '../rng.ts';
import { fuzz, mutated, seed, soup } from './fuzz.ts';

/** What callers send to the API, on texts that nobody would write: never an exception, never a value that a second reader would take otherwise. */
let runs = 0;
const tried = async (count: Promise<number>) => {
  runs += await count;
};
const report = (t: TestContext) => t.diagnostic(`${runs} inputs, seed ${seed}`);

describe('A-13 A-15 A-16: a JSON body', () => {
  const json_pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '"a"',
    '"a":',
    '"b":1',
    '1',
    '-1',
    '0',
    '1e3',
    '1.5',
    '9007199254740993',
    'true',
    'null',
    '"\\u0061"',
    '\\',
    '\\u',
    ' ',
    '\n',
    '"__proto__":',
    '"constructor":{}',
    '\ufeff',
    '//',
    '/*',
    "'",
  ];

  it('of any bytes is refused or read as JSON.parse reads it', () =>
    tried(
      fuzz(
        fc.oneof(
          soup(...json_pieces).map((text) => Buffer.from(text)),
          fc.json({ maxDepth: 4 }).chain(mutated),
          fc.uint8Array({ maxLength: 60 }),
        ),
        (bytes) => {
          const read = readJson(bytes);
          if (isRefusal(read) || bytes.length === 0) return;
          const text = Buffer.from(bytes).toString('utf8');
          assert.deepEqual(read.value, JSON.parse(text));
          assert.ok(!/[\d][.eE][\d+-]/.test(text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')), 'a number with a fraction or an exponent');
        },
      ),
    ));

  it('that names a key twice anywhere, in whatever spelling, is refused', () => {
    const spelt = (key: string) =>
      fc
        .array(fc.boolean(), { minLength: key.length, maxLength: key.length })
        .map((escaped) => [...key].map((char, at) => (escaped[at] ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char)).join(''));
    const key = fc.stringMatching(/^[a-z_]{1,8}$/);
    const twice = key.chain((name) =>
      fc.tuple(spelt(name), spelt(name), fc.constantFrom('1', '{}', '[]', '"x"'), fc.array(fc.constantFrom('{"o":', '['), { maxLength: 10 })),
    );
    return tried(
      fuzz(twice, ([first, second, value, around]) => {
        const inner = `{"${first}":${value},"z9":0,"${second}":${value}}`;
        const text =
          around.join('') +
          inner +
          around
            .toReversed()
            .map((open) => (open === '[' ? ']' : '}'))
            .join('');
        const read = readJson(Buffer.from(text));
        assert.ok(isRefusal(read) && ['duplicate_json_key', 'parameter_unknown'].includes(read.refused), text);
      }),
    );
  });

  it('of any depth ends without running out of stack', () =>
    tried(
      fuzz(fc.tuple(fc.array(fc.constantFrom('[', '{"a":'), { minLength: 17, maxLength: 17 }), fc.integer({ min: 1, max: 600 })), ([open, times]) => {
        assert.ok(isRefusal(readJson(Buffer.from(open.join('').repeat(times)))));
      }),
    ));
});

describe('A-13 A-19: a query', () => {
  it('is refused or has each name once, and integers only where they are plain', () =>
    tried(
      fuzz(soup('limit', 'state', 'cursor', '=', '&', '%', '%26', '+', '1', '05', '-1', '[]', '?', '#', ';', '__proto__', '%00', '1e3'), (text) => {
        const read = readQuery(listPayments.query, `/v1/payments?${text}`);
        if (isRefusal(read)) return;
        assert.equal(Object.getPrototypeOf(read.value), null);
        for (const [name, value] of Object.entries(read.value)) {
          assert.equal(new URLSearchParams(text).getAll(name).length, 1);
          if (typeof value === 'number') assert.equal(String(value), new URLSearchParams(text).get(name));
        }
      }),
    ));
});

describe('A-20: ids, order numbers, payment codes and cursors', () => {
  const rng = createTestRng('fuzz ids');
  const at = new Date('2026-11-22T02:00:00Z');

  it('an id is of one kind, and none that was changed in length or alphabet is an id', () => {
    const kinds = Object.keys(id_prefixes) as (keyof typeof id_prefixes)[];
    return tried(
      fuzz(
        fc.constantFrom(...kinds).chain((kind) => fc.tuple(fc.constant(kind), mutated(newId(kind, at, rng)))),
        ([kind, bytes]) => {
          const text = bytes.toString('latin1');
          for (const each of kinds)
            assert.equal(isId(each, text), new RegExp(`^${id_prefixes[each]}_[0-9A-HJKMNP-TV-Z]{26}$`).test(text) && !text.endsWith('\n'), `${kind} ${text}`);
        },
      ),
    );
  });

  it('an order number of ours comes back, and no other text is one', () =>
    tried(
      fuzz(
        fc.oneof(
          fc.constant(channelNo('ABCDEF', newId('attempt', at, rng))).chain(mutated),
          soup('A', '0', 'Z', 'I', '-', 'ABCDEF01JD0000000000000000000000').map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          const text = bytes.toString('latin1');
          const read = readChannelNo(text);
          if (read) assert.equal(`${read.merchant_code}${read.ulid}`, text);
          else assert.doesNotMatch(text, /^[0-9A-HJKMNP-TV-Z]{32}$(?![\s\S])/);
        },
      ),
    ));

  it('a payment code is digits of the right length of a wallet that has that prefix, or none', () =>
    tried(
      fuzz(
        fc.oneof(fc.stringMatching(/^[0-9]{14,26}$/), fc.stringMatching(/^fp[0-9A-Za-z]{30,36}$/), soup('1', '28', '１', '٣', 'fp', ' ', '\n', '0'.repeat(16))),
        (code) => {
          const issuer = issuerOfPaymentCode(code);
          if (!issuer) return;
          assert.match(code, issuer.wallet === 'alipay' ? /^(?:\d{16,24}|fp[0-9A-Za-z]{33})$/ : /^\d{16,24}$/);
          assert.ok(!code.endsWith('\n'));
        },
      ),
    ));

  it('a cursor that was changed, or was given to another, is none', () => {
    const scope: CursorScope = { list: 'list_payments', caller: { merchant_id: 'mer_A', livemode: false }, filters: {} };
    const cursor = writeCursor(scope, newId('payment', at, rng));
    return tried(
      fuzz(
        fc.oneof(
          mutated(cursor).map((bytes) => bytes.toString('latin1')),
          fc.base64String(),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          if (text !== cursor) assert.ok(isRefusal(readCursor(scope, text)), text);
          assert.ok(isRefusal(readCursor({ ...scope, caller: { merchant_id: 'mer_B', livemode: false } }, text)));
        },
      ),
    );
  });
});

describe('A-10 B-07: times and amounts', () => {
  const isInstant = compile(listPayments.query.properties.created_from);

  it('a time is an instant or refused', () =>
    tried(
      fuzz(
        fc.oneof(
          soup('2026', '-', '11', '22', 'T', ' ', '02', ':', '00', '59', '60', '.', '5', 'Z', '+', '08', '24', '99', '٢'),
          fc
            .date({ noInvalidDate: true })
            .map((date) => date.toISOString())
            .chain((text) => mutated(text).map((bytes) => bytes.toString('latin1'))),
        ),
        (text) => {
          for (const read of [parseRfc3339, parseShanghai, parseShanghaiCompact]) assert.ok(!Number.isNaN(read(text)?.getTime() ?? 0), text);
          if (isInstant(text) === undefined) assert.ok(!Number.isNaN(new Date(text).getTime()), text);
        },
      ),
    ));

  it('an amount in yuan is exact or refused', () =>
    tried(
      fuzz(
        fc.oneof(
          soup('0', '1', '9', '.', '-', '+', 'e', '00', ',', ' ', '１', '元'),
          fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }).map((fen) => formatYuan(fen as never)),
        ),
        (text) => {
          const fen = parseYuan(text);
          if (fen === undefined) return;
          const [, sign, yuan = '', cents = ''] = /^(-?)(\d+)(?:\.(\d{1,2}))?$(?![\s\S])/.exec(text) ?? [];
          assert.equal(fen, (sign === '-' ? -1n : 1n) * BigInt(yuan + cents.padEnd(2, '0')), text);
        },
      ),
    ));
});

describe('F-01 F-03: a URL', () => {
  const rules = { allowed: [], webhook_allow_http: false, webhook_ports: [443], own_hostname: 'pay.example.com' };
  /** A second opinion on what is inside, from Node. */
  const [inside_v4, inside_v6] = [new BlockList(), new BlockList()];
  const isInside = (address: string) => (isIP(address) === 6 ? inside_v6.check(address, 'ipv6') : inside_v4.check(address, 'ipv4'));
  for (const [address, prefix] of [
    ['0.0.0.0', 8],
    ['10.0.0.0', 8],
    ['100.64.0.0', 10],
    ['127.0.0.0', 8],
    ['169.254.0.0', 16],
    ['172.16.0.0', 12],
    ['192.0.0.0', 24],
    ['192.0.2.0', 24],
    ['192.168.0.0', 16],
    ['198.18.0.0', 15],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['224.0.0.0', 4],
    ['240.0.0.0', 4],
  ] as const)
    inside_v4.addSubnet(address, prefix, 'ipv4');
  for (const [address, prefix] of [
    ['::', 8],
    ['64:ff9b::', 96],
    ['100::', 64],
    ['2001::', 32],
    ['2001:db8::', 32],
    ['2002::', 16],
    ['fc00::', 7],
    ['fe80::', 10],
    ['ff00::', 8],
  ] as const)
    inside_v6.addSubnet(address, prefix, 'ipv6');

  it('that may be called names no address inside, in whatever spelling', () =>
    tried(
      fuzz(
        fc.oneof(
          soup(
            '127',
            '.',
            '0',
            '1',
            '0x7f',
            '0177',
            '2130706433',
            '[',
            ']',
            '::',
            'ffff',
            ':',
            '7f00',
            '10',
            '192.168',
            '@',
            '/',
            '\\',
            '①',
            '。',
            '%31',
            'localhost',
            'example.com',
            '#',
            '?',
            '\t',
            '443',
          ).map((host) => `https://${host}/`),
          fc.ipV4Extended().map((host) => `https://${host}/`),
          fc.ipV6().map((host) => `https://[${host}]/`),
          fc.webUrl({ withFragments: true, withQueryParameters: true }),
        ),
        (text) => {
          const target = readTarget(text, 'webhook', rules);
          if ('problem' in target) return;
          const { hostname } = target;
          if (isIP(hostname) !== 0) assert.ok(!isInside(hostname), `${text} is ${hostname}`);
          else assert.match(hostname, /\./, text);
          assert.ok(target.origin.startsWith('https://') && target.path.startsWith('/'));
          // Beyond spaces and controls, not one character of a path could begin a second line.
          assert.match(target.path, /^[\x21-\x7e]+$/, text);
        },
      ),
    ));

  it('is judged by its address as Node judges it', () =>
    tried(
      fuzz(fc.oneof(fc.ipV4(), fc.ipV6()), (address) => {
        if (addressRefusal(address, []) === undefined) assert.ok(!isInside(address), address);
      }),
    ));
});

it('inputs tried', report);
