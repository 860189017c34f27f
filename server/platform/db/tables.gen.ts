// Generated from the migrated schema by "npm run gen": do not edit.
import type { ColumnType, Generated } from 'kysely';

/** Read as the parsed value, written as JSON text: an array would otherwise become an array of PostgreSQL. */
type Json = ColumnType<unknown, string, string>;
type NullableJson = ColumnType<unknown, string | null | undefined, string | null>;
type GeneratedJson = ColumnType<unknown, string | undefined, string>;

export interface AccountHealthTable {
  merchant_id: string;
  channel_account_id: string;
  method: string;
  minute: Date;
  node: string;
  ok: number;
  failed: number;
  latency_ms_total: bigint;
}

export interface AgentStatementKeysTable {
  agent_id: string;
  id: string;
  public_key: Buffer;
  private_key_sealed: Buffer;
  created_at: Date;
}

export interface AgentsTable {
  id: string;
  parent_id: string | null;
  name: string;
  state: Generated<'active' | 'closed'>;
  created_at: Date;
}

export interface AnomaliesTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  kind: string;
  channel_account_id: string;
  payment_id: string | null;
  attempt_id: string | null;
  refund_id: string | null;
  fingerprint: string;
  detail: Json;
  evidence_id: string | null;
  created_at: Date;
}

export interface ApiKeysTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  name: string;
  secret_hash: Buffer;
  last4: string;
  scopes: string[];
  ed25519_public_key: string | null;
  state: Generated<'active' | 'revoked'>;
  created_at: Date;
  expires_at: Date | null;
  revoked_at: Date | null;
}

export interface AttemptsTable {
  merchant_id: string;
  id: string;
  payment_id: string;
  channel: string;
  channel_account_id: string;
  account_version: number;
  method: string;
  amount_fen: bigint;
  currency: string;
  request: Json;
  request_sealed: Buffer | null;
  state: 'sending' | 'waiting' | 'succeeded' | 'refused' | 'closed';
  disposition: 'accepted' | 'duplicate' | 'late' | null;
  next_action: Json;
  channel_transaction_id: string | null;
  payer_amount_fen: bigint | null;
  payer_sealed: Buffer | null;
  refusal: NullableJson;
  paid_at: Date | null;
  reversing_at: Date | null;
  created_at: Date;
  next_query_at: Date | null;
  query_tries: Generated<number>;
  version: number;
  quota: NullableJson;
  channel_fee_fen: bigint | null;
  kept: boolean | null;
}

export interface BankAccountsTable {
  merchant_id: string;
  channel_account_id: string;
  livemode: boolean;
  channel: string;
  since: string;
  covered_through: string | null;
  next_look_at: Date;
  against: Generated<'nets' | 'withdrawals'>;
  bank_account: Generated<string>;
  followed_by: string | null;
}

export interface BankCreditsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel: string;
  channel_account_id: string;
  reference: string;
  received_on: string;
  amount_fen: bigint;
  payer: string | null;
  imported_by: string;
  created_at: Date;
  match_id: string | null;
  bank_account: Generated<string>;
  import_id: string | null;
  undone_at: Date | null;
  posting_id: string | null;
}

export interface BankDaysTable {
  merchant_id: string;
  channel_account_id: string;
  biz_date: string;
  bill_id: string | null;
  net_fen: bigint;
  match_id: string | null;
}

export interface BankImportsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel_account_id: string;
  covered_through: string | null;
  imported_by: string;
  created_at: Date;
  undone_at: Date | null;
  undone_by: string | null;
  undone_reason: string | null;
}

export interface BillAdjustmentsTable {
  merchant_id: string;
  bill_id: string;
  line: number;
  columns: Json;
}

export interface BillDaysTable {
  merchant_id: string;
  channel_account_id: string;
  kind: 'trade' | 'fund';
  biz_date: string;
  livemode: boolean;
  channel: string;
  state: Generated<'wanted' | 'imported' | 'empty'>;
  bill_id: string | null;
  problem: string | null;
  tries: Generated<number>;
  next_fetch_at: Date | null;
  matched_at: Date | null;
  closed_at: Date | null;
  statement: NullableJson;
  signature: Buffer | null;
  signing_key_id: string | null;
  closed_by: string | null;
  created_at: Date;
  close_version: number | null;
  later_payments_fen: Generated<bigint>;
  later_refunds_fen: Generated<bigint>;
}

export interface BillFilesTable {
  merchant_id: string;
  sha256: Buffer;
  piece: number;
  sealed: Buffer;
  created_at: Date;
}

export interface BillHorizonsTable {
  merchant_id: string;
  channel_account_id: string;
  kind: 'trade' | 'fund';
  opened_through: string;
}

export interface BillLinesTable {
  merchant_id: string;
  bill_id: string;
  line: number;
  kind: string;
  direction: string;
  state: string;
  object_id: string | null;
  channel_order_no: string | null;
  channel_transaction_id: string | null;
  channel_refund_no: string | null;
  channel_refund_id: string | null;
  flow_no: string | null;
  amount_fen: bigint;
  settled_fen: bigint;
  fee_millifen: bigint;
  fee_rate_ppm: number | null;
  currency: string;
  receiver: string;
  at: Date;
}

export interface BillsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel: string;
  channel_account_id: string;
  kind: 'trade' | 'fund';
  biz_date: string;
  version: number;
  source: 'download' | 'upload';
  state: 'reading' | 'current' | 'superseded' | 'refused';
  sha256: Buffer;
  bytes: bigint;
  lines: number | null;
  payment_count: number | null;
  payment_fen: bigint | null;
  refund_count: number | null;
  refund_fen: bigint | null;
  fee_millifen: bigint | null;
  problem: string | null;
  problem_line: number | null;
  imported_by: string;
  created_at: Date;
  reads: Generated<number>;
  fee_posting_id: string | null;
  replaces_id: string | null;
}

export interface CalendarDaysTable {
  date: string;
  working: boolean;
  confirmed: boolean;
}

export interface CashierPayersTable {
  merchant_id: string;
  state_hash: Buffer;
  payment_id: string;
  browser_hash: Buffer;
  method: string;
  channel_account_id: string;
  account_version: number;
  expires_at: Date;
  used_at: Date | null;
  payer_sealed: Buffer | null;
}

export interface CashierSettingsTable {
  merchant_id: string;
  livemode: boolean;
  display_name: string | null;
  color: string | null;
  logo_png: Buffer | null;
  return_hosts: Generated<string[]>;
  updated_at: Date;
}

export interface ChannelAccountVersionsTable {
  merchant_id: string;
  channel_account_id: string;
  version: number;
  settings: Json;
  secrets_sealed: Buffer;
  created_at: Date;
}

export interface ChannelAccountsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel: string;
  name: string;
  state: Generated<'active' | 'paused' | 'closed'>;
  priority: Generated<number>;
  version: number;
  created_at: Date;
  closed_at: Date | null;
}

export interface ChannelSessionsTable {
  merchant_id: string;
  channel_account_id: string;
  state: 'open' | 'lost';
  name: string;
  key_sealed: Buffer;
  asked: number;
  version: number;
  got_at: Date;
  renew_at: Date | null;
  problem: string | null;
}

export interface CheckoutSessionsTable {
  merchant_id: string;
  payment_id: string;
  livemode: boolean;
  mode: 'web' | 'embedded' | 'in_store';
  locale: 'auto' | 'zh' | 'en';
  allowed_methods: string[];
  return_url: string | null;
  created_at: Date;
}

export interface DailyClosesTable {
  merchant_id: string;
  livemode: boolean;
  biz_date: string;
  statement: Json;
  signature: Buffer;
  signing_key_id: string;
  closed_by: string;
  closed_at: Date;
}

export interface DataKeysTable {
  id: string;
  wrapped: Buffer;
  wrapping_key: string;
  state: Generated<'active' | 'retired'>;
  created_at: Date;
}

export interface DeliveriesTable {
  merchant_id: string;
  id: string;
  webhook_endpoint_id: string;
  event_id: string;
  state: Generated<'pending' | 'delivered' | 'dead' | 'cancelled'>;
  tries: Generated<number>;
  last_status: number | null;
  last_error: string | null;
  next_send_at: Date | null;
  delivered_at: Date | null;
  created_at: Date;
}

export interface DeviceRefundsTable {
  merchant_id: string;
  device_id: string;
  merchant_refund_no: string;
  biz_date: string;
  amount_fen: bigint;
}

export interface DevicesTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  store_id: string;
  terminal_id: string;
  name: string;
  secret_hash: Buffer;
  refund_fen_max: bigint;
  state: Generated<'active' | 'revoked'>;
  created_at: Date;
  revoked_at: Date | null;
}

export interface EventSequencesTable {
  merchant_id: string;
  livemode: boolean;
  last: bigint;
}

export interface EventsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  type: string;
  object_id: string;
  object_version: number;
  payload: string;
  sequence: bigint | null;
  created_at: Date;
}

export interface EvidenceTable {
  merchant_id: string;
  id: string;
  channel_account_id: string;
  via: string;
  digest: Buffer;
  sealed: Buffer | null;
  received_at: Date;
}

export interface HelpRequestsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  payment_id: string;
  kind: 'question' | 'refund';
  state: 'opened' | 'answered' | 'refunded' | 'closed';
  said_sealed: Buffer;
  refund_id: string | null;
  created_at: Date;
  updated_at: Date;
  version: number;
}

export interface IdempotencyKeysTable {
  merchant_id: string;
  livemode: boolean;
  key: string;
  operation: string;
  request_hash: Buffer;
  object_id: string;
  status: number | null;
  body_sealed: Buffer | null;
  created_at: Date;
}

export interface LedgerBooksTable {
  merchant_id: string;
  livemode: boolean;
  position: Generated<bigint>;
  last_no: Generated<bigint>;
  closed_through: string | null;
}

export interface LedgerClosesTable {
  merchant_id: string;
  livemode: boolean;
  closed_through: string;
  position: bigint;
  last_no: bigint;
  closed_at: Date;
  closed_by: string | null;
  open_days: number | null;
}

export interface LedgerEntriesTable {
  merchant_id: string;
  posting_id: string;
  line: number;
  account: 'channel_receivable' | 'merchant_due' | 'channel_fee' | 'service_fee' | 'agent_commission' | 'refund_in_transit' | 'suspense';
  party_id: string;
  currency: 'CNY';
  amount_fen: bigint;
}

export interface LedgerPostingsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  no: bigint;
  kind: 'payment' | 'duplicate' | 'late' | 'refund' | 'return' | 'transit' | 'transit_end' | 'channel_fee' | 'settlement' | 'suspense' | 'commission' | 'reversal';
  source_id: string;
  reverses_id: string | null;
  currency: 'CNY';
  amount_fen: bigint;
  fee_fen: Generated<bigint>;
  payment_id: string | null;
  attempt_id: string | null;
  refund_id: string | null;
  store_id: string | null;
  channel_account_id: string;
  channel: string;
  method: string;
  fact_at: Date;
  fact_date: string;
  biz_date: string;
  detail: Json;
}

export interface LedgerTurnoversTable {
  merchant_id: string;
  livemode: boolean;
  account: string;
  party_id: string;
  currency: string;
  biz_date: string;
  debit_fen: bigint;
  credit_fen: bigint;
}

export interface MerchantsTable {
  id: string;
  code: string;
  name: string;
  state: Generated<'active' | 'suspended'>;
  signature_required: Generated<boolean>;
  duplicate_policy: Generated<'refund' | 'keep'>;
  late_policy: Generated<'refund' | 'accept'>;
  version: Generated<number>;
  created_at: Date;
  agent_id: string | null;
}

export interface PairingCodesTable {
  merchant_id: string;
  terminal_id: string;
  livemode: boolean;
  secret_hash: Buffer;
  refund_fen_max: bigint;
  expires_at: Date;
}

export interface PaymentsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  merchant_order_no: string;
  request_hash: Buffer;
  amount_fen: bigint;
  currency: 'CNY';
  subject: string;
  metadata: GeneratedJson;
  state: 'pending' | 'paid' | 'closed';
  closed_reason: 'expired' | 'cancelled' | 'refused' | null;
  closing: 'expire' | 'close' | 'cancel' | null;
  paid_fen: Generated<bigint>;
  refunding_fen: Generated<bigint>;
  refunded_fen: Generated<bigint>;
  refund_count: Generated<number>;
  accepted_attempt_id: string | null;
  latest_attempt_id: string | null;
  attempt_count: Generated<number>;
  expires_at: Date;
  next_close_at: Date | null;
  close_tries: Generated<number>;
  paid_at: Date | null;
  closed_at: Date | null;
  created_at: Date;
  version: number;
  store_id: string | null;
  terminal_id: string | null;
  checkout_token: string | null;
}

export interface PlateBatchesTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  name: string;
  count: number;
  created_at: Date;
}

export interface PlateChangesTable {
  merchant_id: string;
  plate_id: string;
  version: number;
  change: 'claimed' | 'assigned' | 'bound' | 'rebound' | 'updated' | 'disabled' | 'enabled';
  state: string;
  store_id: string | null;
  terminal_id: string | null;
  settings: Json;
  api_key_id: string | null;
  at: Date;
}

export interface PlateStockTable {
  id: string;
  livemode: boolean;
  batch_id: string;
  serial_no: number;
  stock_no: string;
  code: string;
  claim_hash: Buffer;
  merchant_id: string | null;
  given_at: Date | null;
}

export interface PlateStockBatchesTable {
  id: string;
  livemode: boolean;
  name: string;
  count: number;
  created_at: Date;
}

export interface PlateTapsTable {
  merchant_id: string;
  plate_id: string;
  merchant_order_no: string;
  livemode: boolean;
  biz_date: string;
  amount_fen: bigint;
  created_at: Date;
}

export interface PlatesTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  batch_id: string;
  serial_no: number;
  code: string;
  state: Generated<'stock' | 'active' | 'disabled'>;
  store_id: string | null;
  terminal_id: string | null;
  subject: string | null;
  fixed_amount_fen: bigint | null;
  amount_fen_max: bigint | null;
  daily_amount_fen_max: bigint | null;
  daily_count_max: number | null;
  remark: Generated<'none' | 'optional' | 'required'>;
  created_at: Date;
  version: Generated<number>;
}

export interface PriceVolumesTable {
  merchant_id: string;
  price_id: string;
  month: string;
  volume_fen: bigint;
}

export interface PricesTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel: string | null;
  method: string | null;
  terms: Json;
  effective_from: Date;
  created_at: Date;
}

export interface QuotaCountersTable {
  merchant_id: string;
  channel_account_id: string;
  bucket: string;
  shard: number;
  used_fen: bigint;
  used_count: number;
  share_fen: bigint | null;
  share_count: number | null;
  shared: boolean;
}

export interface ReconDayClosesTable {
  merchant_id: string;
  channel_account_id: string;
  biz_date: string;
  version: number;
  statement: Json;
  signature: Buffer;
  signing_key_id: string;
  closed_by: string;
  closed_at: Date;
}

export interface ReconExceptionStepsTable {
  merchant_id: string;
  exception_id: string;
  version: number;
  step: string;
  from_state: string | null;
  to_state: string;
  by: string;
  note: string | null;
  at: Date;
}

export interface ReconExceptionsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  channel: string;
  channel_account_id: string;
  biz_date: string;
  kind: string;
  fingerprint: string;
  state: 'opened' | 'proposed' | 'approved' | 'repaired' | 'accepted' | 'suspense' | 'closed';
  object_id: string | null;
  payment_id: string | null;
  bill_id: string | null;
  line: number | null;
  channel_order_no: string | null;
  channel_transaction_id: string | null;
  our_fen: Generated<bigint>;
  bill_fen: Generated<bigint>;
  of: 'payment' | 'refund' | 'other';
  standing: Generated<boolean>;
  at_risk_fen: bigint;
  detail: GeneratedJson;
  proposal: string;
  owner: string | null;
  approvals: Generated<string[]>;
  resolution: 'repaired' | 'accepted' | 'suspense' | 'matched' | 'gone' | 'superseded' | null;
  opened_at: Date;
  closed_at: Date | null;
  aged_at: Date | null;
  version: number;
  decision: 'repair' | 'accept' | 'suspend' | 'reopen' | null;
  posting_id: string | null;
  reopened_at: Date | null;
}

export interface ReconMatchesTable {
  merchant_id: string;
  object_id: string;
  channel_account_id: string;
  bill_id: string;
  line: number;
  key: 'order_no' | 'transaction_id' | 'refund_no' | 'refund_id' | 'unique';
}

export interface ReconSettingsTable {
  merchant_id: string;
  channel_account_id: string;
  fee_rate_ppm: number | null;
  updated_at: Date;
  updated_by: string | null;
  fee_terms: NullableJson;
}

export interface ReconSigningKeysTable {
  merchant_id: string;
  id: string;
  public_key: string;
  private_key_sealed: Buffer;
  created_at: Date;
}

export interface RefundsTable {
  merchant_id: string;
  id: string;
  payment_id: string;
  attempt_id: string;
  livemode: boolean;
  merchant_refund_no: string | null;
  request_hash: Buffer | null;
  cause: 'merchant' | 'duplicate' | 'late' | 'cancel';
  amount_fen: bigint;
  currency: string;
  reason: string | null;
  metadata: GeneratedJson;
  state: 'sending' | 'pending' | 'succeeded' | 'refused';
  refusal: NullableJson;
  channel_refund_id: string | null;
  created_at: Date;
  refunded_at: Date | null;
  next_query_at: Date | null;
  query_tries: Generated<number>;
  version: number;
  accepted_at: Date | null;
}

export interface RequestNoncesTable {
  merchant_id: string;
  api_key_id: string;
  nonce: string;
  expires_at: Date;
}

export interface RoutingDecisionsTable {
  merchant_id: string;
  attempt_id: string;
  livemode: boolean;
  channel_account_id: string;
  method: string;
  amount_fen: bigint;
  rules_version: number;
  rule: string | null;
  strategy: string;
  propensity_ppm: number;
  last_resort: boolean;
  quoted_fee_fen: bigint | null;
  considered: Json;
  created_at: Date;
}

export interface RoutingTermsTable {
  merchant_id: string;
  channel_account_id: string;
  version: number;
  terms: Json;
  turned_off: Json;
  created_at: Date;
}

export interface RuleSetsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  version: number;
  definition: Json;
  activated_at: Date | null;
  created_at: Date;
}

export interface SettlementTermsTable {
  merchant_id: string;
  channel_account_id: string;
  days: number;
  counts: 'calendar' | 'business';
  confirmed: boolean;
  set_by: string | null;
}

export interface ShiftsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  store_id: string;
  terminal_id: string;
  device_id: string;
  cashier: string;
  opened_at: Date;
  closed_at: Date;
  totals: Json;
}

export interface StatementChunksTable {
  merchant_id: string;
  statement_id: string;
  run: string;
  format: 'csv' | 'xlsx';
  nth: number;
  bytes: Buffer;
}

export interface StatementKeysTable {
  merchant_id: string;
  id: string;
  public_key: Buffer;
  private_key_sealed: Buffer;
  created_at: Date;
}

export interface StatementsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  period_from: string;
  period_through: string;
  store_id: string | null;
  state: Generated<'preparing' | 'ready'>;
  next_make_at: Date | null;
  make_tries: Generated<number>;
  run: string | null;
  lines: bigint | null;
  totals: NullableJson;
  files: GeneratedJson;
  manifest: string | null;
  signature: Buffer | null;
  signing_key_id: string | null;
  created_at: Date;
  ready_at: Date | null;
  up_to_no: bigint | null;
  provisional: boolean | null;
  open_days: number | null;
}

export interface StoresTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  name: string;
  store_no: string | null;
  region_code: string | null;
  address: string | null;
  state: Generated<'open' | 'closed'>;
  created_at: Date;
  closed_at: Date | null;
  version: Generated<number>;
}

export interface SupervisorPinsTable {
  merchant_id: string;
  store_id: string;
  pin_hash: Buffer;
  salt: Buffer;
  failures: Generated<number>;
  locked_until: Date | null;
  set_at: Date;
}

export interface TerminalsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  store_id: string;
  name: string;
  kind: 'pos' | 'plate' | 'kiosk' | 'gate';
  terminal_no: string | null;
  state: Generated<'active' | 'closed'>;
  created_at: Date;
  closed_at: Date | null;
  version: Generated<number>;
}

export interface TransitionsTable {
  merchant_id: string;
  object_id: string;
  version: number;
  from_state: string | null;
  to_state: string;
  via: 'request' | 'answer' | 'notification' | 'query' | 'bill' | 'operator' | 'clock';
  evidence_id: string | null;
  at: Date;
}

export interface WebhookEndpointsTable {
  merchant_id: string;
  id: string;
  livemode: boolean;
  url: string;
  description: string | null;
  event_types: Generated<string[]>;
  state: Generated<'enabled' | 'disabled'>;
  disabled_reason: string | null;
  secret_sealed: Buffer;
  previous_secret_sealed: Buffer | null;
  previous_until: Date | null;
  version: Generated<number>;
  created_at: Date;
}

/** Every table by its name. */
export interface Tables {
  account_health: AccountHealthTable;
  agent_statement_keys: AgentStatementKeysTable;
  agents: AgentsTable;
  anomalies: AnomaliesTable;
  api_keys: ApiKeysTable;
  attempts: AttemptsTable;
  bank_accounts: BankAccountsTable;
  bank_credits: BankCreditsTable;
  bank_days: BankDaysTable;
  bank_imports: BankImportsTable;
  bill_adjustments: BillAdjustmentsTable;
  bill_days: BillDaysTable;
  bill_files: BillFilesTable;
  bill_horizons: BillHorizonsTable;
  bill_lines: BillLinesTable;
  bills: BillsTable;
  calendar_days: CalendarDaysTable;
  cashier_payers: CashierPayersTable;
  cashier_settings: CashierSettingsTable;
  channel_account_versions: ChannelAccountVersionsTable;
  channel_accounts: ChannelAccountsTable;
  channel_sessions: ChannelSessionsTable;
  checkout_sessions: CheckoutSessionsTable;
  daily_closes: DailyClosesTable;
  data_keys: DataKeysTable;
  deliveries: DeliveriesTable;
  device_refunds: DeviceRefundsTable;
  devices: DevicesTable;
  event_sequences: EventSequencesTable;
  events: EventsTable;
  evidence: EvidenceTable;
  help_requests: HelpRequestsTable;
  idempotency_keys: IdempotencyKeysTable;
  ledger_books: LedgerBooksTable;
  ledger_closes: LedgerClosesTable;
  ledger_entries: LedgerEntriesTable;
  ledger_postings: LedgerPostingsTable;
  ledger_turnovers: LedgerTurnoversTable;
  merchants: MerchantsTable;
  pairing_codes: PairingCodesTable;
  payments: PaymentsTable;
  plate_batches: PlateBatchesTable;
  plate_changes: PlateChangesTable;
  plate_stock: PlateStockTable;
  plate_stock_batches: PlateStockBatchesTable;
  plate_taps: PlateTapsTable;
  plates: PlatesTable;
  price_volumes: PriceVolumesTable;
  prices: PricesTable;
  quota_counters: QuotaCountersTable;
  recon_day_closes: ReconDayClosesTable;
  recon_exception_steps: ReconExceptionStepsTable;
  recon_exceptions: ReconExceptionsTable;
  recon_matches: ReconMatchesTable;
  recon_settings: ReconSettingsTable;
  recon_signing_keys: ReconSigningKeysTable;
  refunds: RefundsTable;
  request_nonces: RequestNoncesTable;
  routing_decisions: RoutingDecisionsTable;
  routing_terms: RoutingTermsTable;
  rule_sets: RuleSetsTable;
  settlement_terms: SettlementTermsTable;
  shifts: ShiftsTable;
  statement_chunks: StatementChunksTable;
  statement_keys: StatementKeysTable;
  statements: StatementsTable;
  stores: StoresTable;
  supervisor_pins: SupervisorPinsTable;
  terminals: TerminalsTable;
  transitions: TransitionsTable;
  webhook_endpoints: WebhookEndpointsTable;
}
