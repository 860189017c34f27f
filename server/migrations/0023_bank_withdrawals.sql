-- Where a merchant takes its money out of the channel by withdrawals 提现, what the bank credits is these, and no sum of days.

-- Owner: bank. What credits of the account are held against: the nets of days by the trade bill, or the withdrawals of days by the
-- fund bill, which `bank_days.net_fen` then is the sum of.
alter table bank_accounts add column against text not null default 'nets' check (against in ('nets', 'withdrawals'));

-- Owner: recon. Some lines among the hundred thousands of a day.
create index bill_lines_withdrawals on bill_lines (merchant_id, bill_id) where kind = 'withdrawal';
