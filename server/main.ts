import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { findBundle } from './bundle.ts';

type Program = Pick<typeof import('./serve.ts'), 'serve'>;

// What Node has compiled once is read back at the next start, which halves the time until the server answers. It lies beside the
// code, where nobody can write who could not change the code; where nobody at all can write, or NODE_COMPILE_CACHE names another
// place, this does nothing. It has to be on before anything of the server is loaded.
const root = join(import.meta.dirname, '..');
enableCompileCache(join(root, 'node_modules', '.cache', 'node'));
const bundled = await loadBundle();
const { serve }: Program = bundled ?? (await import('./serve.ts'));
await serve(bundled ? 'bundle' : 'sources');

/** The same program from a bundle that was made of serve.ts and all that it loads. One that cannot be loaded is as good as none. */
async function loadBundle(): Promise<Program | undefined> {
  // Whoever changes the code sees it at once, from the files themselves.
  if (process.argv.includes('--from-source')) return undefined;
  try {
    const bundle = findBundle(root);
    if (bundle === undefined) return undefined;
    // Stack traces name the sources.
    process.setSourceMapsEnabled(true);
    const program = (await import(bundle)) as Partial<Program>;
    if (typeof program.serve !== 'function') throw new Error(`${bundle} serves nothing`);
    return { serve: program.serve };
  } catch (error) {
    process.stderr.write(`The bundle cannot be used, the server starts from its sources: ${inspect(error)}\n`);
    return undefined;
  }
}
