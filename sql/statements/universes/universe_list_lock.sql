-- One universe as it is now, locked until the end of the transaction.
SELECT membership, value FROM cache_entries WHERE key = %(universe)s FOR UPDATE
