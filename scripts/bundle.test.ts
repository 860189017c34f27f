import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { bundle_entry, bundle_list, bundleName, bundlesDirectory, findBundle } from '../server/bundle.ts';

const timeout = 120_000;
const folders: string[] = [];
after(() => folders.forEach((folder) => void rmSync(folder, { recursive: true })));

describe('the bundle of a server', () => {
  it('is found as long as sources and packages are those that it was made of', () => {
    const root = anInstallation();
    assert.equal(findBundle(root), undefined);
    const name = bundleName(root);
    assert.ok(name);
    write(join(bundlesDirectory(root), name, bundle_entry), 'main');
    assert.equal(findBundle(root), undefined, 'without its list it was not finished');
    write(join(bundlesDirectory(root), name, bundle_list), JSON.stringify({ [bundle_entry]: 4, 'part.mjs': 4 }));
    assert.equal(findBundle(root), undefined, 'a part is missing');
    write(join(bundlesDirectory(root), name, 'part.mjs'), 'par');
    assert.equal(findBundle(root), undefined, 'a part is cut off');
    write(join(bundlesDirectory(root), name, 'part.mjs'), 'part');
    const found = findBundle(root);
    assert.equal(found, pathToFileURL(join(bundlesDirectory(root), name, bundle_entry)).href);

    for (const file of ['server/serve.test.ts', 'server/sim/world.ts', 'server/migrations/0001_a.sql']) write(join(root, file), 'of no concern');
    assert.equal(findBundle(root), found);
    for (const [file, was] of Object.entries(installation)) {
      write(join(root, file), `${was}\n`);
      assert.equal(findBundle(root), undefined, file);
      write(join(root, file), was);
      assert.equal(findBundle(root), found, file);
    }
    write(join(root, 'server', 'payments', 'another.ts'), '');
    assert.equal(findBundle(root), undefined);
  });

  it('is another one elsewhere, and none where npm installed nothing', () => {
    const [here, there] = [anInstallation(), anInstallation()];
    assert.notEqual(bundleName(here), bundleName(there));
    const [packages, shared] = [join(there, 'node_modules'), join(there, 'shared')];
    renameSync(packages, shared);
    symlinkSync(shared, packages);
    assert.equal(bundleName(there), undefined, 'packages of somebody else');
    rmSync(join(shared, '.package-lock.json'));
    assert.equal(bundleName(there), undefined);
    assert.equal(findBundle(there), undefined);
  });

  it('is what a server is started from, and its errors still name the source', () => {
    const root = join(import.meta.dirname, '..');
    const made = spawnSync(process.execPath, [join(root, 'scripts', 'bundle.ts')], { encoding: 'utf8', timeout });
    assert.equal(made.status, 0, made.stderr);
    const bundle = findBundle(root);
    assert.ok(bundle);

    const bundled = loaded(root, []);
    assert.ok(bundled.includes(bundle));
    assert.deepEqual(
      bundled.filter((url) => url.endsWith('.ts')).map((url) => url.slice(url.lastIndexOf('/') + 1)),
      ['main.ts', 'bundle.ts'],
    );
    assert.ok(!bundled.some((url) => /^(simulators|sandbox)/.test(url.slice(url.lastIndexOf('/') + 1))), 'the simulators are for sandboxes alone');
    const from_source = loaded(root, ['--from-source']);
    assert.ok(!from_source.includes(bundle));
    assert.ok(from_source.some((url) => url.endsWith('/server/serve.ts')));

    const wrong = `process.setSourceMapsEnabled(true); const { start } = await import('${bundle}'); await start({ HELIU_MODE: 'none' }, '/').catch((error) => console.log(error.stack))`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', wrong], { encoding: 'utf8', timeout });
    assert.match(stdout, /HELIU_MODE is "none".*at loadConfig \(.*\/server\/platform\/config\.ts:\d+:\d+\)/s);
  });
});

/** What a bundle is made of. */
const installation: Readonly<Record<string, string>> = {
  'node_modules/.package-lock.json': '{}',
  'server/serve.ts': 'serve',
  'server/payments/service.ts': 'payments',
  'contract/errors.ts': 'errors',
  'scripts/bundle.ts': 'bundle',
  'tsconfig.json': '{}',
};

function anInstallation(): string {
  const root = mkdtempSync(join(tmpdir(), 'heliu-bundle-'));
  folders.push(root);
  for (const [file, text] of Object.entries(installation)) write(join(root, file), text);
  return root;
}

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** What a server loads that ends at once, since its mode is none that there is. */
function loaded(root: string, args: readonly string[]): readonly string[] {
  const tell = `import { registerHooks } from 'node:module'; registerHooks({ load: (url, context, next) => (console.log(url), next(url, context)) });`;
  const options = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`, join(root, 'server', 'main.ts'), ...args];
  const { stdout, stderr } = spawnSync(process.execPath, options, { encoding: 'utf8', timeout, env: { HELIU_MODE: 'none' } });
  assert.match(stderr, /HELIU_MODE is "none"/);
  return stdout.split('\n').filter((url) => url.startsWith('file:'));
}
