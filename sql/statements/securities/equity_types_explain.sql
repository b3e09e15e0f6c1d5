-- Who changes equity types in this transaction, and why: the table keeps it beside the version.
SELECT set_config('tickstock.type_change', %(change)s, true)
