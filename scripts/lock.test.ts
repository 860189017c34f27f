import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completeLock } from './lock.ts';

test('a build for another machine that the registry did not hold gets its entry, and what is there stays', () => {
  const here = { version: '1.2.3', integrity: 'sha512-x', cpu: ['x64'], os: ['linux'], libc: ['glibc'], optional: true };
  const native = {
    version: '1.2.3',
    dev: true,
    optionalDependencies: {
      '@a/native-darwin-arm64': '1.2.3',
      '@a/native-linux-x64-gnu': '1.2.3',
      '@a/native-linux-arm-musleabihf': '1.2.3',
      'fast-path': '^2.0.0',
    },
  };
  const { packages } = completeLock({ packages: { '': {}, 'node_modules/@a/native': native, 'node_modules/@a/native-linux-x64-gnu': here } });
  assert.deepEqual(packages, {
    '': {},
    'node_modules/@a/native': native,
    'node_modules/@a/native-darwin-arm64': { version: '1.2.3', os: ['darwin'], cpu: ['arm64'], dev: true, optional: true },
    'node_modules/@a/native-linux-arm-musleabihf': { version: '1.2.3', os: ['linux'], cpu: ['arm'], libc: ['musl'], dev: true, optional: true },
    'node_modules/@a/native-linux-x64-gnu': here,
  });
  assert.deepEqual(completeLock({ packages }).packages, packages);
});
