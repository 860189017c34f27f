import { assert } from '../../kernel/assert.ts';
import { Secret } from '../../kernel/secret.ts';
import { addMs, bizDate, parseShanghai } from '../../kernel/time.ts';
import type { SessionCode, SessionFact, SessionRenewal, SessionRules, Settled, WireAnswer } from '../define.ts';
import { ask } from '../meaning.ts';
import { type Config, deviceOf } from './config.ts';
import { byTerminal, question, readAnswer, signedRequest, textIn, verifyAnswer } from './wire.ts';

/**
 * The life of a terminal: an activation code brings its number and first key, a check-in each day the next key.
 * @see https://github.com/WoSai/shouqianba-doc zh-cn/api/interface/{activate,checkin}.md, zh-cn/api/apiflow.md
 */

/** Just after midnight: a key is good for one day of the calendar. */
const after_midnight_ms = 1_000;
const day_ms = 86_400_000;

/** The gateway takes neither the key nor the terminal any more. A code it does not know is none of these, and the key is tried again. */
const lost: readonly string[] = ['ILLEGAL_SIGN', 'INVALID_TERMINAL', 'TERMINAL_NOT_EXISTS'];

export const session: SessionRules<Config> = {
  open: {
    retry: 'never',
    request: ({ code }: SessionCode, account) => {
      const { vendor_sn, vendor_key, app_id } = account.config;
      const values = { app_id, code: code.expose(), device_id: deviceOf(account), name: 'Heliu' };
      return signedRequest(account.config, { sn: vendor_sn, key: vendor_key.expose() }, '/terminal/activate', values);
    },
    verify: verifyAnswer,
    outcome: (answer) => read(answer, () => true),
  },
  renew: {
    retry: 'never',
    request: (_: SessionRenewal, account) =>
      account.session ? byTerminal(account.config, account.session, '/terminal/checkin', { device_id: deviceOf(account) }) : question(account, '', {}),
    verify: verifyAnswer,
    outcome(answer, _, account) {
      const fact = read(answer, (error) => lost.includes(error));
      return fact.is === 'session' && fact.session.name !== account.session?.name ? ask('unreadable', 'the answer is about another terminal') : fact;
    },
  },
  renewAt(got_at) {
    const midnight = parseShanghai(`${bizDate(got_at)} 00:00:00`);
    assert(midnight, 'a day has a midnight');
    return addMs(midnight, day_ms + after_midnight_ms);
  },
};

function read(answer: WireAnswer, isFinal: (error: string) => boolean): Settled<SessionFact> {
  const said = readAnswer(answer);
  if (said.is === 'server') return ask('server_error', said.error);
  if (said.is === 'client') {
    const { error, message } = said;
    return isFinal(error) ? { is: 'refused', channel_code: error, ...(message === undefined ? {} : { channel_message: message }) } : ask('unlisted', error);
  }
  if (said.error !== undefined) return ask('unlisted', said.error);
  return { is: 'session', session: { name: textIn(said.biz, 'terminal_sn'), key: new Secret(textIn(said.biz, 'terminal_key')) } };
}
