-- The trigger outbox_announce notifies this channel.
LISTEN tickstock_outbox
