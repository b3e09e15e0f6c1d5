-- Old units that failed or were never asked for. Done units stay permanently: they show what need not be asked again.
SELECT remove_unfinished_units(%(before)s)
