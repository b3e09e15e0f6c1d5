"""Commands for the factory itself: services, schema, maintenance, simulator, UI, fingerprint.

Commands about market data belong in their subject's folder.
"""
