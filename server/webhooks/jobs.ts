import type { Ctx } from '../platform/ctx.ts';
import type { DueTask } from '../platform/due/sweeper.ts';
import { deliveryTask } from './deliveries/service.ts';

/** The due rows of this module. */
export const webhookTasks = (ctx: Ctx): readonly DueTask<unknown>[] => [deliveryTask(ctx) as DueTask<unknown>];
