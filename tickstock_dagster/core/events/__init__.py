"""The notifications: models, CloudEvents envelope, catalogue and AsyncAPI document.

When something is worth an event is decided by its own subject; sending it belongs in `adapters.events`.
"""
