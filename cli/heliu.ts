#!/usr/bin/env node
import { processIo } from './io.ts';
import { run } from './program.ts';

const code = await run(process.argv.slice(2), processIo());
// A command that keeps running, as `serve` does, sets its own.
if (code !== 0) process.exitCode = code;
