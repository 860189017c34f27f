import type { Terminal, TerminalState } from '@heliu/contract';
import type { Table } from '../../kernel/machine.ts';
import type { TerminalRow } from './store.ts';

/** A closed terminal is never used again: one device, one merchant, one place. */
export const terminal_table: Table<TerminalState, 'close'> = {
  name: 'terminal',
  initial: 'active',
  resting: ['closed'],
  moves: { active: { close: 'closed' }, closed: {} },
};

/** A terminal as the merchant sees it. */
export function viewTerminal(row: TerminalRow): Terminal {
  const { id, livemode, store_id, name, kind, terminal_no, state, created_at, closed_at, version } = row;
  return {
    object: 'terminal',
    id,
    livemode,
    store_id,
    name,
    kind,
    terminal_no,
    state,
    created_at: created_at.toISOString(),
    closed_at: closed_at?.toISOString() ?? null,
    version,
  };
}

/** What a channel is told of a terminal: the number it was registered with, else ours. Both fit 32 characters. */
export const numberAtChannel = ({ id, terminal_no }: Pick<TerminalRow, 'id' | 'terminal_no'>): string => terminal_no ?? id;
