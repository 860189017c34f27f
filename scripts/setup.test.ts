import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingPackages } from './setup.mjs';

const machine = { os: 'linux', cpu: 'x64', libc: 'glibc', development: true };
const lock = {
  packages: {
    '': {},
    server: { version: '0.1.0' },
    'node_modules/@heliu/server': { resolved: 'server', link: true },
    'node_modules/pg': { version: '8.23.1' },
    'node_modules/typescript': { version: '7.0.2', dev: true },
    'node_modules/native-linux': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
    'node_modules/native-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/native-mac': { version: '1.0.0', optional: true, os: ['darwin'], cpu: ['arm64'] },
    'node_modules/wasm-fallback': { version: '1.0.0', optional: true },
  },
};
const installed = (versions: Readonly<Record<string, string>>) => ({
  packages: Object.fromEntries(Object.entries(versions).map(([name, version]) => [`node_modules/${name}`, { version }])),
});

test('what the lock asks for on this machine is missing until it is installed in that version', () => {
  assert.deepEqual(missingPackages(lock, installed({}), machine), ['node_modules/pg', 'node_modules/typescript', 'node_modules/native-linux']);
  assert.deepEqual(missingPackages(lock, installed({ pg: '8.23.0', typescript: '7.0.2', 'native-linux': '1.0.0' }), machine), ['node_modules/pg']);
  assert.deepEqual(missingPackages(lock, installed({ pg: '8.23.1', typescript: '7.0.2', 'native-linux': '1.0.0' }), machine), []);
});

test('the server alone needs no package of development', () => {
  const without = installed({ pg: '8.23.1', 'native-linux': '1.0.0' });
  assert.deepEqual(missingPackages(lock, without, { ...machine, development: false }), []);
});
