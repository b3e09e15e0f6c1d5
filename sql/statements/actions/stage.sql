-- Staging for corporate_actions: one answer, dropped at the end of the transaction.
CREATE TEMP TABLE stage_actions (
    security_id bigint, ticker text, action text, kind text, ex_date date, declared_on date, record_date date,
    pay_date date, split_from numeric(18, 8), split_to numeric(18, 8), cash_amount numeric(18, 8), currency text,
    close_before numeric(18, 8), vendor_id text
) ON COMMIT DROP;
CREATE TEMP TABLE stage_doubtful (security_id bigint, action text, ex_date date, kind text) ON COMMIT DROP;
CREATE TEMP TABLE stage_unresolved (ticker text, action text, ex_date date, vendor_id text) ON COMMIT DROP
