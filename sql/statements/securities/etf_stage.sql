-- Staging for etf_profiles; dropped at the end of the transaction.
CREATE TEMP TABLE stage_etf (
    ticker text, source text, as_of date, name text, issuer text, category text, themes text[], etf_type text,
    underlying_index text, correlation_reference text, primary_exchange text, inception_date date,
    aum_usd numeric(20, 2), aum_source text, expense_ratio numeric(8, 6), expense_ratio_source text
) ON COMMIT DROP
