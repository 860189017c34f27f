import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { readSettings, secretFields } from './account-settings.ts';
import type { Channel } from './define.ts';
import { type ArtificialConfig, artificial } from './kit/artificial-channel.ts';

const channel = {
  ...artificial,
  checkConfig: ({ origin }) => (origin === 'nowhere' ? { param: 'origin', problem: 'is nowhere' } : undefined),
} satisfies typeof artificial;
const good = { origin: 'https://gateway.example', private_key: 'canary-key', root_secret: 'canary-root' };
const read = (settings: Record<string, unknown>) => readSettings(channel as Channel, settings);

describe('readSettings', () => {
  it('puts every secret out of sight and leaves the rest as it is', () => {
    const result = read(good);
    assert.ok('config' in result);
    const config = result.config as ArtificialConfig;
    assert.equal(config.origin, good.origin);
    assert.equal(config.private_key.expose(), 'canary-key');
    assert.doesNotMatch(inspect(config, { depth: 9, showHidden: true }) + JSON.stringify(config), /canary/);
    assert.deepEqual(secretFields(channel as Channel), ['private_key', 'root_secret']);
  });

  const bad: readonly (readonly [name: string, settings: Record<string, unknown>, expected: { param: string; problem: RegExp }])[] = [
    ['a missing field', { origin: good.origin, private_key: 'canary-key' }, { param: 'root_secret', problem: /^is required$/ }],
    ['an unknown field', { ...good, orgin: 'canary' }, { param: 'orgin', problem: /^is not a setting/ }],
    ['a field of the wrong type', { ...good, origin: 7 }, { param: 'origin', problem: /string/ }],
    ['a secret of the wrong type', { ...good, private_key: { canary: 'canary' } }, { param: 'private_key', problem: /string/ }],
    ['an empty secret', { ...good, private_key: '' }, { param: 'private_key', problem: /fewer than 1/ }],
    ['what the schema cannot say', { ...good, origin: 'nowhere' }, { param: 'origin', problem: /^is nowhere$/ }],
  ];
  for (const [name, settings, { param, problem }] of bad) {
    it(`names ${name}, and no value`, () => {
      const result = read(settings);
      assert.ok('problem' in result);
      assert.equal(result.param, param);
      assert.match(result.problem, problem);
      assert.doesNotMatch(result.problem, /canary/);
    });
  }
});
