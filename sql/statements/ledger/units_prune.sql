-- What failed or was never asked for, long ago. A unit that is done stays for ever: it says what need not be asked again.
SELECT remove_unfinished_units(%(before)s)
