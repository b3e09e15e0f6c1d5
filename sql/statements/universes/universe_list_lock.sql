-- One universe as it is now, held until the end of the transaction.
SELECT membership, value FROM cache_entries WHERE key = %(universe)s FOR UPDATE
