-- Verdicts of symbols, written where something differs; which session and moment they are of alone is no difference.
INSERT INTO symbol_validations AS v (
    security_id, ticker, session, equity_type, type_version, verdict, reason, aum_usd, adv20_usd, adv20_shares,
    expense_ratio, validated_at)
SELECT n.security_id, n.ticker, n.session, n.equity_type, n.type_version, n.verdict, n.reason, n.aum_usd, n.adv20_usd,
    n.adv20_shares, n.expense_ratio, %(now)s
FROM unnest(
    %(security_ids)s::bigint[], %(tickers)s::text[], %(sessions)s::date[], %(equity_types)s::text[],
    %(type_versions)s::integer[], %(verdicts)s::text[], %(reasons)s::text[], %(aum_usd)s::float8[],
    %(adv20_usd)s::float8[], %(adv20_shares)s::float8[], %(expense_ratio)s::float8[])
    AS n (security_id, ticker, session, equity_type, type_version, verdict, reason, aum_usd, adv20_usd, adv20_shares,
        expense_ratio)
ORDER BY n.security_id
ON CONFLICT (security_id) DO UPDATE SET
    ticker = EXCLUDED.ticker, session = EXCLUDED.session, equity_type = EXCLUDED.equity_type,
    type_version = EXCLUDED.type_version, verdict = EXCLUDED.verdict, reason = EXCLUDED.reason, aum_usd = EXCLUDED.aum_usd,
    adv20_usd = EXCLUDED.adv20_usd, adv20_shares = EXCLUDED.adv20_shares, expense_ratio = EXCLUDED.expense_ratio,
    validated_at = EXCLUDED.validated_at
WHERE v.session <= EXCLUDED.session
    AND (v.ticker, v.equity_type, v.type_version, v.verdict, v.reason, v.aum_usd, v.adv20_usd, v.adv20_shares, v.expense_ratio)
        IS DISTINCT FROM (EXCLUDED.ticker, EXCLUDED.equity_type, EXCLUDED.type_version, EXCLUDED.verdict,
            EXCLUDED.reason, EXCLUDED.aum_usd, EXCLUDED.adv20_usd, EXCLUDED.adv20_shares, EXCLUDED.expense_ratio)
