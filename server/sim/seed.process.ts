import './globals.ts';

/** A process that lives through the seeds it is told, one after the other, and says what came of each. */
const { runSeed } = await import('./seed.ts');
type Told = { readonly seed: string; readonly options?: Parameters<typeof runSeed>[1] };

let last: Promise<void> = Promise.resolve();
process.on('message', ({ seed, options }: Told) => {
  last = last.then(async () => void process.send?.(await runSeed(seed, options)));
});
process.on('disconnect', () => process.exit(0));
