import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// What Node has compiled once is read back at the next start, which halves the time until the server answers. It lies beside the
// code, where nobody can write who could not change the code; where nobody at all can write, or NODE_COMPILE_CACHE names another
// place, this does nothing. It has to be on before anything of the server is loaded.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'node'));
const { serve } = await import('./serve.ts');
await serve();
