"""What details say of a company beyond its listing: address, telephone, employees, pictures. All of it is invented."""

from typing import Any

from tickstock_dagster.simulator.market.securities import Security, stable_hash

_STREETS = ("MAIN STREET", "HARBOR AVENUE", "MARKET PLAZA", "STATION ROAD", "LAKE DRIVE")
_CITIES = (
    ("AUSTIN", "TX", "78701"), ("BOSTON", "MA", "02110"), ("CHICAGO", "IL", "60606"), ("DENVER", "CO", "80202"),
    ("PALO ALTO", "CA", "94301"), ("NEW YORK", "NY", "10005"),
)  # fmt: skip
_COMPANIES = ("CS", "ADRC")


def company_facts(security: Security, origin: str) -> dict[str, Any]:
    """Facts of a company that files with the SEC; none of a fund, or of anything else. A few lack some.

    Args:
        security: the company's.
        origin: scheme and host of the vendor, on which the pictures are; fetching them needs the key.
    """
    if security.equity_type not in _COMPANIES or not security.cik:
        return {}
    chance = stable_hash(f"company:{security.key}")
    city, state, code = _CITIES[chance % len(_CITIES)]
    address = {
        "address1": f"{1 + chance % 900} {_STREETS[(chance >> 8) % len(_STREETS)]}",
        "address2": f"SUITE {100 + chance % 40}" if chance % 4 == 0 else None,
        "city": city,
        "state": state,
        "postal_code": code,
    }
    pictures = f"{origin}/v1/reference/company-branding/{security.key.lower().replace(':', '-')}.example/images"
    return {
        "address": {name: value for name, value in address.items() if value is not None},
        "phone_number": f"({200 + chance % 700}) 555-{chance % 10_000:04d}",
        "total_employees": 20 + chance % 120_000 if chance % 10 else None,
        "branding": {
            "logo_url": f"{pictures}/2026-01-05_logo.svg",
            "icon_url": f"{pictures}/2026-01-05_icon.png",
        }
        if chance % 7
        else None,
    }
