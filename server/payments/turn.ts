import { channel_deadline_ms } from '../kernel/limits.ts';

/**
 * The time that whoever has just written or claimed a row has to itself: until it is over nobody else sends what the row asks for,
 * and from then on somebody else may. By the node's own monotonic clock, from before the row was written, so no two clocks have to
 * agree and a clock that is set changes nothing.
 */
export type Turn = { readonly ends_ms: number };

export const turnFrom = (begun_ms: number, lasts_ms: number): Turn => ({ ends_ms: begun_ms + lasts_ms });

/**
 * Whether a request may still leave: only one that is off the road when the turn ends. A node that stood still for longer (it was
 * stopped, or the database did not answer) cannot know whether another node has sent it, or has told the merchant that it never was.
 */
export const isInTurn = ({ ends_ms }: Turn, now_ms: number): boolean => now_ms + channel_deadline_ms <= ends_ms;
