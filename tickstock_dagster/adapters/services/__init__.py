"""The embedded servers of one checkout, one module per concern; `adapters.services.local` is the public face."""
