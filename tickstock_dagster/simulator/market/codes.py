"""Invented security codes in the real forms, with their check digits: US codes of nine characters, and ISINs."""

from functools import lru_cache

from tickstock_dagster.simulator.market.securities import stable_hash

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def _value(letter: str) -> int:
    return int(letter, 36)


@lru_cache(maxsize=65_536)
def us_code_of(identity: str) -> str:
    """A code of nine characters, always the same for `identity`; the last one is its check digit."""
    value, body = stable_hash(f"us code:{identity}"), ""
    for place in range(8):
        value, at = divmod(value, 10 if place < 5 else len(_ALPHABET))
        body += _ALPHABET[at]
    total = 0
    for place, letter in enumerate(body):
        number = _value(letter) * (1 + place % 2)
        total += number // 10 + number % 10
    return f"{body}{-total % 10}"


def isin_of(identity: str) -> str:
    """The ISIN of the same security: `US`, its US code, and a check digit."""
    body = f"US{us_code_of(identity)}"
    digits = "".join(str(_value(letter)) for letter in body)
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 - place % 2)
        total += number // 10 + number % 10
    return f"{body}{-total % 10}"
