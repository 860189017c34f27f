/** Every loop, queue, page, body, string and retry has its limit here, with the reason beside it. */

/** A request of the merchant API: a payment with metadata is under 8 KB. */
export const api_body_bytes_max = 64 * 1024;
/** A notification: WeChat allows a ciphertext of 1 MB, real ones are under 8 KB. */
export const notification_body_bytes_max = 256 * 1024;
/** A message that settles nothing has the channel asked about an order that is over, at most this often for one attempt: gateways repeat within seconds, and so may anybody where messages are not signed. */
export const notified_ask_ms = 10_000;
/** Attempts of which a node remembers that: about 100 bytes each. */
export const notified_attempts_max = 10_000;
/** An answer of a channel to an API call; bills have their own limit. */
export const channel_answer_bytes_max = 1024 * 1024;
/** One call to a channel, retries included: a cashier waits, and most gateways answer or fail within 5 s. */
export const channel_deadline_ms = 10_000;
/** 100,000,000.00 yuan. No wallet takes more in one payment, and it stays far below 2^53. */
export const amount_fen_max = 10_000_000_000;
/** Attempts of one payment: a payer who switches wallets does so a few times. */
export const attempts_per_payment_max = 20;
/**
 * Times that a page looks again while other attempts of its payment come to rest: with pauses that grow from 0.1 to 1 s some 30 s, longer
 * than the 20 s for which a node that stands still before its first send keeps the turn, and as long as a person waits for a page.
 */
export const page_turns_max = 40;
/** Pages that watch their payment over a stream on one node: some kilobytes each; those beyond ask again by themselves. */
export const cashier_streams_max = 10_000;
/** Of one page: a payer has a few tabs and a phone. */
export const cashier_streams_per_page_max = 8;
/** A stream ends after this time; the page opens the next one by itself. */
export const cashier_stream_ms_max = 10 * 60_000;
/** How often a node looks for changes of the payments whose pages are watched. */
export const cashier_watch_ms = 1_000;
/** Visits of one page: a payer with a few tabs and a phone stays far below, and a flood costs no look into the database. */
export const cashier_visits_per_s = 10;
export const cashier_visits_burst = 60;
/** Visits from one address: a mobile network puts thousands of payers behind one. Whoever tries addresses of pages needs 2^130 of them. */
export const cashier_visits_per_ip_per_s = 200;
export const cashier_visits_per_ip_burst = 1_000;
/** Addresses and pages whose visits are counted in memory: about 100 bytes each. */
export const cashier_visitors_max = 50_000;
/** A form of a payer's page: a method and a language. */
export const cashier_form_bytes_max = 1024;
/** What a gateway's page sends the browser back with is not read: a signed form with its certificate has some 5 KB. */
export const cashier_return_bytes_max = 32 * 1024;
/** A payer's message to a shop: 500 characters, each up to twelve bytes in a form. */
export const cashier_help_bytes_max = 8 * 1024;
/** Questions about one payment: a payer who needs more calls the shop. */
export const help_requests_per_payment_max = 5;
/** A receipt is looked at for as long as wallets let money go back. */
export const receipt_link_ms = 365 * 24 * 3_600_000;
/** A payer who came back makes us ask the channel, at most this often for one payment. */
export const cashier_ask_ms = 3_000;
/** A logo on a page that has to be there within a second on a slow line. */
export const cashier_logo_bytes_max = 16 * 1024;
/** Partial refunds of one payment: WeChat allows 50. */
export const refunds_per_payment_max = 50;
/** A lost race re-reads and decides again. Sixty-four writers of one payment have been seen to finish within 40 turns. */
export const apply_turns_max = 200;
/** Rows that a sweep claims at once: keeps the lease short against the work. */
export const sweep_batch_max = 200;
/** Clock difference accepted in a signed request or notification, as the channels themselves do. */
export const signature_window_s = 300;
/** Idempotency keys are remembered this long. */
export const idempotency_days = 30;
/** A webhook answer is read up to here: only the status matters, the text is an excerpt for the merchant. */
export const webhook_answer_bytes_max = 64 * 1024;
export const webhook_deadline_ms = 15_000;
/** Sends of one call to a channel: the first, and one repeat where it is harmless. */
export const channel_sends_max = 2;
/** Calls under way for one channel account: one merchant cannot take a whole channel. 256 at 100 ms each is 2,560 a second. */
export const channel_calls_per_account_max = 256;
/** Calls under way to one gateway host: a gateway that hangs holds this many requests of ours and no more. */
export const channel_calls_per_origin_max = 1024;
/** What an adapter says about an answer that settles nothing, for people. */
export const channel_detail_length_max = 200;
/** Fetches of a gateway's keys per account and window: forged messages that name unknown keys cannot make us ask for ever. */
export const trust_refreshes_per_window_max = 3;
export const trust_refresh_window_ms = 60_000;
/** Questions that learn which key a gateway uses, per account: a flood of forged messages causes one call in this time. */
export const trust_probe_cooldown_ms = 60_000;
/** Accounts whose gateway keys are held in memory: a few kilobytes each. */
export const trust_accounts_max = 10_000;
/**
 * Sockets on which one port is listened to, each of which gives a connection at a turn of the event loop. Under load a turn takes
 * some 5 ms: 16 let in 3,000 new connections a second, one 200.
 */
export const listeners_per_port = 16;
/** Requests under way in one process: beyond it the newcomer is refused at once, so that those inside still finish in time. At 64 KiB of body this is 128 MiB at worst. */
export const http_in_flight_max = 2048;
/**
 * Statements wait this long for a connection: newcomers of the merchant API are then refused. A payment has some ten statements
 * from its creation to the webhook, so what was let in is done within a few seconds; without it they took half a minute at three
 * times the peak (2026-11-22, two busy cores).
 */
export const db_waiting_ms_max = 250;
/**
 * When no statement at all ends for this long, the database pauses: its disk flushes, and everything waits for one write of the log
 * (2026-11-22: 0.2 to 0.6 s, several times a minute on a shared disk). What waits then is done at once when the pause ends.
 */
export const db_pause_ms_min = 100;
/** So much of a statement's wait may have been pauses without newcomers being refused for it: a database that pauses longer is away. */
export const db_pauses_forgiven_ms = 750;
/** From this wait on a merchant gets no more places than an equal share of those taken, so that one cannot make the others wait. */
export const db_waiting_fair_ms_max = 100;
/** A request has arrived whole within this time, or its connection is closed: slow senders hold nothing. */
export const http_receive_ms_max = 15_000;
/** A stopping node lets the requests under way finish for this long: a little more than one call to a channel. */
export const http_drain_ms_max = 15_000;
/** What a refused caller is told to wait where nothing better is known. */
export const retry_after_s = 1;
/** Nesting of a JSON body: the deepest one of the API has three levels. */
export const json_depth_max = 16;
/** How long readiness waits for the database. */
export const readiness_ms_max = 2_000;
/** A key may save up requests for this long and send them at once. */
export const rate_limit_burst_s = 2;
/** Keys whose token buckets are held in memory: about 100 bytes each. */
export const rate_limit_keys_max = 50_000;
/** API keys held in memory, and hashes that are known to be no key. */
export const api_key_cache_max = 50_000;
/** A cached key is read again after this time, should news of a change ever be lost. */
export const api_key_cache_ms_max = 60_000;
/** Keys that no one has, tried from one address: beyond it they are refused without a look into the database. */
export const key_guesses_per_s = 20;
export const key_guesses_burst = 200;
/** API keys of one merchant that are not revoked. */
export const api_keys_per_merchant_max = 100;
/** Rows that one sweep deletes from a table. */
export const access_sweep_rows_max = 5_000;
/** Connections to one host of webhook receivers: many endpoints may share it, and each is limited by itself. */
export const webhook_connections_per_origin_max = 64;
/** The headers of an answer: Node's own limit; real ones are under 4 KB. */
export const egress_answer_header_bytes_max = 16 * 1024;
/** Sets of connections held at once, one per client certificate: 256 merchants with mutual TLS in use at a time. */
export const egress_agents_max = 256;
/** Events numbered in one statement: some 20 ms, so the lock is short. */
export const sequence_batch_max = 1_000;
/** Webhook endpoints of one merchant in one mode: each is a row to write with every event. */
export const webhook_endpoints_max = 16;
/** Pending payments that a node remembers as it wrote them: some 3 KB each. */
export const recent_payments_max = 4_096;
/** Deliveries under way on one node: at 50 ms each some 20,000 a second, and twenty endpoints that never answer leave room for others. */
export const webhook_sends_max = 1024;
/**
 * Deliveries under way to one endpoint: one that never answers holds this many slots until its breaker opens. A delivery takes some
 * 150 ms when the node is busy, its mark in the database included: with 16 a merchant's deliveries fell behind the payments at the
 * peak (2026-11-23, two busy cores).
 */
export const webhook_sends_per_endpoint_max = 48;
/** Results written in one statement. */
export const delivery_marks_max = 200;
/** Deliveries of an endpoint that are given up in one statement: some 500 ms; more wait for the next time. */
export const delivery_expire_max = 10_000;
/** Endpoints that a node remembers as failing: a hundred bytes each. */
export const webhook_breakers_max = 10_000;
/** Channel accounts of one merchant: a chain has one per city and wallet, and each payment's routing looks at all of them. */
export const channel_accounts_per_merchant_max = 200;
/** Levels of the tree of agents: countries, regions, cities and streets are four. */
export const agent_levels_max = 10;
/** Agents of an installation: who changes the tree reads all of it, 2 MB at the most. */
export const agents_max = 20_000;
/** Open stores of one merchant: the largest chains have some ten thousand. */
export const stores_per_merchant_max = 20_000;
/** Terminals in use in one store. */
export const terminals_per_store_max = 1_000;
/** Code plates of one merchant in one mode. */
export const plates_per_merchant_max = 50_000;
/** Codes that nobody has, tried from one address: a scan with a typing mistake or two is let through. */
export const plate_guesses_per_s = 1;
export const plate_guesses_burst = 30;
/** A link to a print file is fetched at once; it is not one to be passed around. */
export const print_link_ms = 10 * 60_000;
/** A pairing code is typed at once; its 50 bits are tried by nobody in that time. */
export const pairing_code_ms = 10 * 60_000;
/** Codes and tokens that nobody has, tried from one address. */
export const device_guesses_per_s = 0.2;
export const device_guesses_burst = 10;
/** Wrong supervisor PINs in a row before a store's tills wait: of a million PINs, 120 a day are tried. */
export const pin_failures_max = 5;
export const pin_lock_ms = 15 * 60_000;
/** How long a terminal may wait for news of an order in one request: below what proxies allow. */
export const pos_wait_ms_max = 25_000;
/** Requests of one device that wait at a time: a till looks at one order, and each of them asks the database again and again. */
export const pos_waits_per_device_max = 8;
/** How often a node looks for what its connected terminals should hear; a revoked one is cut off within two looks. */
export const push_look_ms = 500;
/** Numbers of a merchant's feed that one look for terminals goes through: a busy merchant has some 200 events a second. */
export const terminal_events_numbers_max = 1_000;
/** Machines connected to one node by MQTT: some 30 KB each. */
export const mqtt_connections_max = 20_000;
/** From a connection to its CONNECT, and for a client that does not read. */
export const mqtt_connect_ms_max = 10_000;
/** A machine says at least every ten minutes that it is there; the broker waits half as long again. */
export const mqtt_keepalive_s_max = 600;
/** A CONNECT with id and credential has some 150 bytes; clients send nothing larger. */
export const mqtt_packet_bytes_max = 1_024;
/** Some hundred messages that a machine has not read. */
export const mqtt_unread_bytes_max = 64 * 1024;
/** Orders of a terminal's day that are listed. */
export const pos_orders_max = 200;
/** Glyphs held in memory: a few hundred bytes each, and a chain of shops needs some thousand. */
export const glyphs_held_max = 20_000;
/** Merchants, accounts and lists of accounts held in memory by each cache: a few kilobytes each. */
export const merchant_cache_max = 20_000;
/** A cached merchant or list is read again after this time, should news of a change ever be lost. */
export const merchant_cache_ms_max = 60_000;
/** A key of a channel account is asked for again after this: well above the deadline of a call, so that nobody is still asking. */
export const session_ask_ms = 60_000;
/** A new merchant's code is drawn again when it is taken: among 32^6 codes, 20 draws do not all miss. */
export const merchant_code_draws_max = 20;
/** A change of an account that another one overtook is made again on what is there now. */
export const account_update_turns_max = 20;
/** Rows of a check of the books that are in memory at once: a few hundred bytes each. */
export const verify_batch_rows = 500;
/** One rule over all rows: a minute for some ten million payments; a plan that takes longer than this is a wrong one. */
export const verify_rule_ms_max = 30 * 60_000;
/** A migration may hold a table for a moment; a check does not stand in its queue for longer. */
export const verify_lock_ms_max = 5_000;
/** Between two statements of a check a terminal writes out what was found. */
export const verify_idle_ms_max = 60_000;
/** A bill as it is sent, packed: a million lines are some 60 MB. It is held in memory while it is read. */
export const bill_bytes_max = 128 * 1024 * 1024;
/** A bill unpacked: five million lines. It is streamed. */
export const bill_text_bytes_max = 2 * 1024 * 1024 * 1024;
/** Bills repeat themselves and pack to a tenth or less; a bomb packs to a thousandth. */
export const bill_ratio_max = 200;
/** Files of an archive: a bill comes with its summary, some channels add one or two more. */
export const bill_entries_max = 16;
export const bill_lines_max = 10_000_000;
/** Errors that a channel set right in a day, of each of which a person reads the columns. */
export const bill_adjustments_max = 1_000;
/** A line has some 30 fields of which two hold texts of a few hundred characters. */
export const bill_line_length_max = 16 * 1024;
/** Fetching a bill: nobody waits at a till, and a large one takes its time. */
export const bill_deadline_ms = 120_000;
/** Books that one batch of the ledger writes, and events of all of them: some 150 ms, so that a book is not held for long. */
export const ledger_books_per_batch_max = 100;
export const ledger_events_per_batch_max = 2_000;
/** Postings that one statement of the ledger writes. */
export const ledger_postings_per_statement_max = 1_000;
/** Each book of a batch gets at least so many, so that a batch of many books still catches up. */
export const ledger_events_per_book_min = 20;
/** Prices of one merchant, those of the past too: one for each method, changed every month for three years. */
export const prices_per_merchant_max = 500;
/** Pieces of one megabyte that a kept bill may have. */
export const bill_pieces_max = 128;
/** Exceptions judged and written at once: a few hundred bytes each. */
export const recon_batch_rows = 2_000;
/** Fees that are off on one day, each told by itself; beyond it the rate is wrong, and the day is told once. */
export const recon_fee_findings_max = 5_000;
/** Exceptions of one matching that are told as events; the rest is listed. */
export const recon_events_max = 200;
/** Matching a day of a million lines takes half a minute (2026-11-22, two cores). */
export const recon_statement_ms_max = 30 * 60_000;
/** A bank statement of a month has some hundred credits of channels among thousands of others. */
export const bank_file_bytes_max = 8 * 1024 * 1024;
export const bank_file_rows_max = 20_000;
/** Days and credits that are open at a time, the newest: years of days of which nothing was ever credited. */
export const bank_open_max = 2_000;
/** Parts of a rule's condition: what a person writes has some thirty. */
export const routing_expression_nodes_max = 300;
/** Rule sets of a merchant in one mode: they never change, and each decision names the one it was made by. */
export const rule_sets_max = 1_000;
/** Books of routing (rules and terms) held in memory: some ten kilobytes each. */
export const routing_cache_max = 20_000;
/** A cached book is read again after this time, should news of a change ever be lost. */
export const routing_cache_ms_max = 60_000;
/** Rows of health that a node takes over at once: one per account, method, minute and node. */
export const account_health_rows_max = 20_000;
/** Past payments that rules are tried on unless asked otherwise: a share of them is known within three points. */
export const simulation_payments_usual = 1_000;
/** Rows of routing that one sweep deletes from a table. */
export const routing_sweep_rows_max = 5_000;
/** A statement's period: a year, and the day that is one more in some. */
export const statement_days_max = 366;
/** Statements of one merchant that are being made: each reads a period of its book. */
export const statements_preparing_max = 10;
/** Merchants in one statement of an agent: their totals are held in memory, some 2 KB each, and each costs two reads. */
export const agent_statement_merchants_max = 10_000;
/** Lines of a statement that are in memory at once: 1 KB each. */
export const statement_page_lines = 2_000;
/** A piece of a file in the database: large enough that pieces are few, small enough to be read at once. */
export const statement_chunk_bytes = 512 * 1024;
/** A link to a statement, unless the caller says how long: whoever asks for it fetches the file at once. */
export const statement_link_ms = 15 * 60_000;
