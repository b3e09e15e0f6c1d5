-- The factors of adjusted prices that depend on the bars just written; without an ex-date after them it costs one look.
SELECT adjust_after_bars(%(security_ids)s::bigint[], %(first)s, %(last)s)
