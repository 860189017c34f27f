import { bugs_of_access } from './access.ts';
import type { PlantedBug } from './bug.ts';
import { bugs_of_outcomes } from './outcomes.ts';
import { bugs_of_refunds } from './refunds.ts';
import { bugs_of_writes } from './writes.ts';

/**
 * Deliberate bugs, every one of which the suite has to notice: a proof that finds nothing in a broken program proves nothing
 * of a sound one.
 */
export const bank: readonly PlantedBug[] = [...bugs_of_outcomes, ...bugs_of_writes, ...bugs_of_refunds, ...bugs_of_access];
