import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkFloors, type FloorReport } from './floors.ts';

/** A tree with the files given, each with the imports given. */
async function reportOn(t: TestContext, files: Readonly<Record<string, readonly string[]>>): Promise<FloorReport> {
  const directory = await mkdtemp(join(tmpdir(), 'heliu-floors-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, 'server'));
  for (const [path, imports] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(
      join(directory, path),
      `${imports.map((name, index) => `import * as m${index} from '${name}';\nm${index};\n`).join('')}export const x: number = 1;\n`,
    );
  }
  return await checkFloors([...new Set(Object.keys(files).map((path) => path.split('/')[0] as string))], directory);
}

/** One import from the first file to the second. */
const importing = (from: string, to: string) => {
  const ups = '../'.repeat(from.split('/').length - 1);
  return { [from]: [`${ups}${to}`], [to]: [] };
};

const forbidden: readonly (readonly [string, string, string])[] = [
  ['server/kernel/money.ts', 'server/platform/log.ts', 'floor-0-kernel'],
  ['server/platform/log.ts', 'server/payments/service.ts', 'floor-1-platform'],
  ['server/channels/client.ts', 'server/ledger/account.ts', 'floor-2-channels'],
  ['server/merchants/service.ts', 'server/access/api-key.ts', 'floor-3-merchants'],
  ['server/payments/service.ts', 'server/webhooks/service.ts', 'floor-4-payments'],
  ['server/payments/service.ts', 'server/app.ts', 'floor-4-payments'],
  ['server/payments/service.ts', 'server/testing/ctx.ts', 'floor-4-payments'],
  ['server/cashier/page.ts', 'server/recon/match.ts', 'floor-5-cashier'],
  ['server/reports/service.ts', 'server/compat/dialect.ts', 'floor-6-reports'],
  ['contract/payments.ts', 'server/kernel/money.ts', 'contract-imports-nothing-of-ours'],
  ['sdk/client.ts', 'contract/payments.ts', 'sdk-depends-on-nothing'],
  ['server/payments/service.ts', 'sdk/client.ts', 'server-imports-no-client'],
  ['server/payments/service.ts', 'server/channels/newpay/wire.ts', 'channels-are-known-to-the-registry-only'],
  ['server/channels/newpay/wire.ts', 'server/channels/oldpay/wire.ts', 'channels-do-not-know-each-other'],
  ['server/payments/service.ts', 'server/merchants/store.ts', 'a-module-is-entered-by-its-service'],
  ['server/webhooks/service.ts', 'server/payments/refunds/jobs.ts', 'a-module-is-entered-by-its-service'],
];
for (const [from, to, rule] of forbidden) {
  test(`reports ${from} importing ${to}`, async (t) => {
    const { violations } = await reportOn(t, importing(from, to));
    assert.equal(violations.length, 1, violations.join('\n'));
    assert.ok(violations[0]?.startsWith(`${from} → ${to}: ${rule}`), violations[0]);
  });
}

const allowed: readonly (readonly [string, string])[] = [
  ['server/payments/service.ts', 'server/kernel/money.ts'],
  ['server/payments/service.ts', 'server/merchants/service.ts'],
  ['server/payments/refunds/service.ts', 'server/payments/store.ts'],
  ['server/channels/registry.ts', 'server/channels/newpay/index.ts'],
  ['server/channels/newpay/simulator.ts', 'server/channels/kit/simulator.ts'],
  ['server/app.ts', 'server/payments/routes.ts'],
  ['server/payments/service.test.ts', 'server/testing/ctx.ts'],
];
for (const [from, to] of allowed) {
  test(`allows ${from} to import ${to}`, async (t) => {
    const { violations, modules } = await reportOn(t, importing(from, to));
    assert.deepEqual(violations, []);
    assert.equal(modules, 2);
  });
}

test('reports files that run one another in a circle', async (t) => {
  const { violations } = await reportOn(t, { 'server/kernel/a.ts': ['./b.ts'], 'server/kernel/b.ts': ['./a.ts'] });
  assert.ok(
    violations.some((violation) => violation.includes('no-circle')),
    violations.join('\n'),
  );
});

test('reports an import that leads nowhere', async (t) => {
  const { violations } = await reportOn(t, { 'server/kernel/a.ts': ['./absent.ts'] });
  assert.ok(
    violations.some((violation) => violation.includes('resolvable')),
    violations.join('\n'),
  );
});

test('reports a module that has no floor', async (t) => {
  const { violations } = await reportOn(t, { 'server/fortunes/a.ts': [] });
  assert.deepEqual(violations, ['server/fortunes: no floor is given to this module in .dependency-cruiser.mjs']);
});
