import { printSdkOperations, printSdkTypes } from '../sdk/gen.ts';
import { printChannels } from '../server/channels/capabilities.ts';
import { printConfigReference } from '../server/platform/config/reference.ts';
import { generateTables } from '../server/platform/db/gen-tables.ts';
import { printPerformance } from '../server/sim/load-targets.ts';
import { printReliability } from '../server/sim/reference.ts';
import { createTestDatabase } from '../server/testing/database.ts';
import { printInvariants } from '../server/verify/reference.ts';
import { printLock } from './lock.ts';

/** A file that is written by a program and kept in the repository: `npm run gen` writes it, `npm run check` compares. */
export type Generated = {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly make: () => Promise<string> | string;
};

/** Every generated file of the repository, once. */
export const generated: readonly Generated[] = [
  { file: 'package-lock.json', make: printLock },
  { file: 'server/platform/db/tables.gen.ts', make: makeTables },
  { file: 'docs/reference/configuration.md', make: printConfigReference },
  { file: 'docs/reference/channels.md', make: printChannels },
  { file: 'docs/reference/invariants.md', make: printInvariants },
  { file: 'docs/reference/performance.md', make: printPerformance },
  { file: 'docs/reference/reliability.md', make: printReliability },
  { file: 'sdk/types.gen.ts', make: printSdkTypes },
  { file: 'sdk/operations.gen.ts', make: printSdkOperations },
];

async function makeTables(): Promise<string> {
  const database = await createTestDatabase();
  try {
    return await generateTables(database.database_url);
  } finally {
    await database.drop();
  }
}
