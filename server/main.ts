import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { findBundle } from './bundle.ts';

// What Node has compiled once is read back at the next start, which halves the time until the server answers. It lies beside the
// code, where nobody can write who could not change the code; where nobody at all can write, or NODE_COMPILE_CACHE names another
// place, this does nothing. It has to be on before anything of the server is loaded.
const root = join(import.meta.dirname, '..');
enableCompileCache(join(root, 'node_modules', '.cache', 'node'));
// Whoever changes the code sees it at once, from the files themselves.
const bundle = process.argv.includes('--from-source') ? undefined : findBundle(root);
if (bundle !== undefined) process.setSourceMapsEnabled(true);
// The same program twice: the bundle is made of serve.ts and all that it loads.
const { serve } = (await import(bundle ?? './serve.ts')) as typeof import('./serve.ts');
await serve();
