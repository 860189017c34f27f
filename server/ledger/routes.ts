import { type LedgerAccount, type LedgerBalance, ledger_accounts, listLedgerBalances } from '@heliu/contract';
import type { FastifyInstance } from 'fastify';
import { fenToNumber, toFen } from '../kernel/money.ts';
import { RefusalError, refuse } from '../kernel/refusal.ts';
import { addMs, bizDate, parseRfc3339 } from '../kernel/time.ts';
import type { Ctx } from '../platform/ctx.ts';
import { bindOperation } from '../platform/http/bind.ts';
import type { Account } from './account.ts';
import { isBehind, readBalances, readBalancesAt } from './service.ts';

/** A merchant sees what stands on its own accounts. Undoing a posting and closing a book are the operator's. */
export function bindLedger(scope: FastifyInstance, ctx: Ctx): void {
  bindOperation(scope, ctx, listLedgerBalances, async ({ caller, query: { through, at: at_text } }) => {
    if (through !== undefined && at_text !== undefined)
      throw new RefusalError(refuse('parameter_invalid', 'at', { expected: 'not to stand beside through', expected_zh: '不得与 through 同时给出' }));
    if (through !== undefined && !isWithin(through)) throw outside('through');
    const book = { merchant_id: caller.merchant_id, livemode: caller.livemode };
    const at = at_text === undefined ? undefined : parseRfc3339(at_text);
    if (at && !isWithin(bizDate(at))) throw outside('at');
    const until = at ?? (through === undefined ? ctx.clock.now() : dayEnd(through));
    // Looked at first: what is posted in between is in the balances then, and at worst said to be missing.
    const complete = !(await isBehind(ctx, book, until));
    const balances = at ? await readBalancesAt(ctx, { ...book, at }) : await readBalances(ctx, { ...book, through });
    const data = balances.flatMap(({ account, party_id, debit_fen, credit_fen, balance_fen }): LedgerBalance[] =>
      isOwn(account)
        ? [
            {
              object: 'ledger_balance',
              livemode: book.livemode,
              account,
              channel_account_id: party_id,
              currency: 'CNY',
              debit_fen: fenToNumber(toFen(debit_fen)),
              credit_fen: fenToNumber(toFen(credit_fen)),
              balance_fen: Number(balance_fen),
            },
          ]
        : [],
    );
    return { data, complete };
  });
}

/** The midnight in Beijing that ends a day. */
const dayEnd = (day: string): Date => addMs(new Date(`${day}T00:00:00+08:00`), 86_400_000);

/** No book begins before or ends after: years that calendars, databases and clocks write alike. */
const isWithin = (day: string): boolean => day.length === 10 && day >= '2000-01-01' && day <= '2099-12-31';
const outside = (param: string): RefusalError =>
  new RefusalError(refuse('parameter_invalid', param, { expected: 'between 2000 and 2099', expected_zh: '须在 2000 至 2099 年之间' }));

const isOwn = (account: Account): account is LedgerAccount => (ledger_accounts as readonly string[]).includes(account);
