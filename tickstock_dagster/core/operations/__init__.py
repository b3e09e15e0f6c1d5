"""Running the factory: when it is maintained, how long what is kept, and what administrators are mailed.

Checks of the data belong in `core.quality`.
"""
