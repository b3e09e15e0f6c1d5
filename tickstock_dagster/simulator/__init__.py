"""A local HTTP server that speaks the vendor's REST API, with plan limits and faults on demand."""
