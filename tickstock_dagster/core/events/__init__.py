"""The notifications: models, CloudEvents envelope, catalogue and AsyncAPI document.

Each subject decides what it publishes; sending events belongs in `adapters.events`.
"""
