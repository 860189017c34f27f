#!/usr/bin/env node
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';

// As `server/main.ts` does, and before anything else is loaded.
enableCompileCache(join(import.meta.dirname, '..', 'node_modules', '.cache', 'node'));
const [{ processIo }, { run }] = await Promise.all([import('./io.ts'), import('./program.ts')]);
const code = await run(process.argv.slice(2), processIo());
// A command that keeps running, as `serve` does, sets its own.
if (code !== 0) process.exitCode = code;
