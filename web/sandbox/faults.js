import { onLanguage, t } from './language.js';
import { $, ask, el, press, show } from './page.js';

/** Kinds and targets that the gateways take; none until the server told them. */
let kinds = [];
let targets = [];

/** The panel that makes the chosen wallet's gateway fail. */
export function startFaults(channel) {
  onLanguage(drawFaults);
  $('#fault-kind').addEventListener('change', showFields);
  $('#fault').addEventListener('submit', (event) => {
    event.preventDefault();
    void press($('#fault-button'), $('#fault-say'), () => inject(channel()));
  });
}

/** Fills the panel with what the server offers. */
export function offerFaults(offer) {
  kinds = offer.fault_kinds;
  targets = offer.fault_targets;
  drawFaults();
}

function drawFaults() {
  fill($('#fault-kind'), kinds, (kind) => t(`fault_${kind}`));
  fill($('#fault-on'), ['', ...targets], (target) => (target === '' ? t('fault_any') : t(`on_${target}`)));
  showFields();
}

/** Only what the fault asks for: how long for a delay, which code for a code. */
function showFields() {
  const kind = $('#fault-kind').value;
  $('#fault-ms-field').hidden = kind !== 'slow' && kind !== 'notify_delayed';
  $('#fault-code-field').hidden = kind !== 'error_code';
}

async function inject(channel) {
  const kind = $('#fault-kind').value;
  const on = $('#fault-on').value;
  const times = whole($('#fault-times').value, 1, 100);
  const ms_text = $('#fault-ms-field').hidden ? '' : $('#fault-ms').value.trim();
  const ms = ms_text === '' ? undefined : whole(ms_text, 0, 120_000);
  const code = $('#fault-code-field').hidden ? '' : $('#fault-code').value.trim();
  if (times === undefined || (ms_text !== '' && ms === undefined)) return show($('#fault-say'), t('fault_number_wrong'), 'bad');
  if (kind === 'error_code' && code === '') return show($('#fault-say'), t('fault_code_missing'), 'bad');
  await ask('POST', '/sim/api/faults', { channel, kind, times, ...(on && { on }), ...(ms !== undefined && { ms }), ...(code && { code }) });
  show($('#fault-say'), t('fault_done', { kind: t(`fault_${kind}`), times }));
}

function whole(text, min, max) {
  const value = /^\d{1,6}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function fill(select, names, text) {
  const chosen = select.value;
  select.replaceChildren(...names.map((value) => el('option', { value }, text(value))));
  if (names.includes(chosen)) select.value = chosen;
}
