import './globals.ts';

/** A process that plays the crashes it is told, one after the other, and says what came of each. */
const { runCrash } = await import('./crash.ts');

let last: Promise<void> = Promise.resolve();
process.on('message', (job: Parameters<typeof runCrash>[0]) => {
  last = last.then(async () => void process.send?.(await runCrash(job)));
});
process.on('disconnect', () => process.exit(0));
