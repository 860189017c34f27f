import type { HelpRequest } from './help-requests.ts';

const help_request: HelpRequest = {
  object: 'help_request',
  id: 'hlp_01KAP8000HE7PHE7PHE7PHE7P1',
  livemode: false,
  payment_id: 'pay_01KAMDZ2Q0W3V5X7Y9ZBCDEFGH',
  kind: 'refund',
  state: 'opened',
  message: '多付了一份，请退一份的钱。',
  contact: '13800000000',
  answer: null,
  refund_id: null,
  created_at: '2026-11-22T04:10:00.000Z',
  updated_at: '2026-11-22T04:10:00.000Z',
  version: 1,
};

const by_help = { help_request_id: 'hlp_01KAP8000HE7PHE7PHE7PHE7P1' };

/** Examples of receipts and of what payers ask on them. */
export const help_examples = {
  link_receipt: {
    params: { payment_id: help_request.payment_id },
    response: { url: 'https://pay.example.com/c/receipt?t=…', expires_at: '2027-11-22T04:10:00.000Z' },
  },
  list_help_requests: { query: { state: 'opened', limit: 20 }, response: { data: [help_request], next_cursor: null } },
  retrieve_help_request: { params: by_help, response: help_request },
  answer_help_request: {
    params: by_help,
    body: { answer: '已核实，马上为您退款。' },
    response: { ...help_request, state: 'answered', answer: '已核实，马上为您退款。', version: 2 },
  },
  refund_help_request: {
    params: by_help,
    body: { amount_fen: 640 },
    response: { ...help_request, state: 'refunded', refund_id: 'ref_01KAMF4T80J1K2M3N4P5Q6R7S8', version: 2 },
  },
  close_help_request: { params: by_help, response: { ...help_request, state: 'closed', version: 2 } },
};
