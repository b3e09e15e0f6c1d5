-- Cells between two sessions ($1, $2) that were asked for before and are still open.
SELECT security_id, session FROM bar_gaps WHERE session BETWEEN $1::date AND $2::date AND NOT is_final
