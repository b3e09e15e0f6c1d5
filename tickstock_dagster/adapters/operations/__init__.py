"""Running the factory: maintenance of the store, notices of the day, mails to administrators.

Starting the embedded servers belongs in `adapters.services`.
"""
