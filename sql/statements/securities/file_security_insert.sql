-- A security that the listings beside a file of bars declare.
INSERT INTO securities (name, primary_exchange, updated_at, on_lists)
VALUES (%(name)s, %(mic)s, %(now)s, false)
RETURNING security_id
