-- Staging for versions that a list changes; dropped at the end of the transaction.
CREATE TEMP TABLE stage_symbols (
    security_id bigint, seen_from date, seen_to date, ticker text, name text, equity_type text, primary_exchange text,
    cik text, share_class_figi text
) ON COMMIT DROP;
CREATE TEMP TABLE stage_symbols_gone (security_id bigint, seen_from date) ON COMMIT DROP
