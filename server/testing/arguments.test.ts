import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { readArguments, Usage } from './arguments.ts';

const command = {
  usage: 'try [--seeds N]',
  options: {
    seeds: { is: 'whole', usual: 30, least: 1 },
    from: { is: 'whole' },
    seed: { is: 'text' },
    part: { is: 'text', one_of: ['a', 'b'] },
    json: { is: 'switch' },
  },
} as const;

describe('the options of a command', () => {
  it('are read by their kinds, and what is left out has its usual value', () => {
    assert.deepEqual(readArguments(['--seeds', '3', '--json'], command), { seeds: 3, from: undefined, seed: undefined, part: undefined, json: true });
    assert.deepEqual(readArguments(['--seed=x', '--part', 'b'], command), { seeds: 30, from: undefined, seed: 'x', part: 'b', json: false });
  });

  const refused: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['--seeds', '0'], /^--seeds takes a whole number of at least 1, not '0'\nusage: try/],
    [['--seeds', '1e3'], /^--seeds takes a whole number of at least 1, not '1e3'\n/],
    [['--from=-1'], /^--from takes a whole number of at least 0, not '-1'\n/],
    [['--part', 'c'], /^--part does not take 'c' but a b\n/],
    [['--sedes', '3'], /^Unknown option '--sedes'\n/],
    [['--seeds'], /^Option '--seeds <value>' argument missing\n/],
    [['7'], /^Unexpected argument '7'\n?/],
  ];
  for (const [args, said] of refused) {
    it(`refuse ${args.join(' ')} by name`, () => {
      assert.throws(
        () => readArguments(args, command),
        (error) => error instanceof Usage && error.exit_code === 2 && said.test(error.message),
      );
    });
  }

  const server = join(import.meta.dirname, '..');
  const programs: readonly (readonly [file: string, args: readonly string[]])[] = [
    ...['--seeds', '--sweep', '--races', '--kill', '--bugs'].map((part) => ['sim/main.ts', [part]] as const),
    ['bench/main.ts', []],
  ];
  for (const [file, args] of programs) {
    it(`${file} ${args.join(' ')} tells its usage, also when it was typed wrongly`, () => {
      const typed = (...more: string[]) => spawnSync(process.execPath, [join(server, file), ...args, ...more], { encoding: 'utf8' });
      const helped = typed('--help');
      assert.deepEqual([helped.status, helped.stderr], [0, '']);
      assert.match(helped.stdout, /^usage: npm run (sim|bench) -- /);
      const wrong = typed('1', '--no-such-option');
      assert.equal(wrong.status, 2);
      assert.match(wrong.stderr, /'(--no-such-option|1)'\nusage: npm run (sim|bench) -- /);
      assert.doesNotMatch(wrong.stderr, /\n {4}at /);
    });
  }
});
