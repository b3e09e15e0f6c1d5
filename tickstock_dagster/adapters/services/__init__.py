"""The embedded servers of one checkout, one module per concern; `adapters.local_services` is the public face."""
