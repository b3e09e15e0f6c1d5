"""Running the factory: maintenance of the store, notices of the day, mail to the administrators.

Starting the embedded servers belongs in `adapters.services`.
"""
