"""The sector of a company, from its SIC code and the code's description: eleven sectors with their GICS names.

SIC classifies by product, GICS by buyer, so no table maps one to the other exactly. Ranges follow the SEC's list of
codes; where a code covers several sectors, its largest listed companies decide. A company with a wrong sector stays
wrong: rules per company would copy a third party's list.
"""

import re
from bisect import bisect_right

TECHNOLOGY = "Information Technology"
COMMUNICATION = "Communication Services"
DISCRETIONARY = "Consumer Discretionary"
STAPLES = "Consumer Staples"
HEALTH = "Health Care"
FINANCIALS = "Financials"
INDUSTRIALS = "Industrials"
ENERGY = "Energy"
MATERIALS = "Materials"
UTILITIES = "Utilities"
REAL_ESTATE = "Real Estate"

SECTORS = (
    TECHNOLOGY, COMMUNICATION, DISCRETIONARY, STAPLES, HEALTH, FINANCIALS, INDUSTRIALS, ENERGY, MATERIALS, UTILITIES,
    REAL_ESTATE,
)  # fmt: skip

_RANGES = (
    (100, STAPLES), (800, MATERIALS), (900, STAPLES), (1000, MATERIALS), (1200, ENERGY), (1300, ENERGY),
    (1400, MATERIALS), (1500, DISCRETIONARY), (1540, INDUSTRIALS), (2000, STAPLES), (2200, DISCRETIONARY),
    (2400, MATERIALS), (2450, DISCRETIONARY), (2520, INDUSTRIALS), (2600, MATERIALS), (2670, MATERIALS),
    (2711, COMMUNICATION), (2750, INDUSTRIALS), (2771, DISCRETIONARY), (2780, INDUSTRIALS), (2800, MATERIALS),
    (2833, HEALTH), (2840, STAPLES), (2851, MATERIALS), (2900, ENERGY), (2950, MATERIALS), (2990, ENERGY),
    (3000, DISCRETIONARY), (3050, INDUSTRIALS), (3080, MATERIALS), (3100, DISCRETIONARY), (3200, MATERIALS),
    (3231, INDUSTRIALS), (3240, MATERIALS), (3420, INDUSTRIALS), (3533, ENERGY), (3534, INDUSTRIALS),
    (3570, TECHNOLOGY), (3580, INDUSTRIALS), (3630, DISCRETIONARY), (3640, INDUSTRIALS), (3650, DISCRETIONARY),
    (3660, TECHNOLOGY), (3690, INDUSTRIALS), (3695, TECHNOLOGY), (3700, DISCRETIONARY), (3713, INDUSTRIALS),
    (3714, DISCRETIONARY), (3715, INDUSTRIALS), (3716, DISCRETIONARY), (3720, INDUSTRIALS), (3751, DISCRETIONARY),
    (3760, INDUSTRIALS), (3821, HEALTH), (3822, INDUSTRIALS), (3825, TECHNOLOGY), (3826, HEALTH), (3827, TECHNOLOGY),
    (3841, HEALTH), (3860, TECHNOLOGY), (3870, DISCRETIONARY), (3950, INDUSTRIALS), (3960, DISCRETIONARY),
    (3990, INDUSTRIALS), (4000, INDUSTRIALS), (4610, ENERGY), (4700, INDUSTRIALS), (4800, COMMUNICATION),
    (4900, UTILITIES), (4922, ENERGY), (4923, UTILITIES), (4950, INDUSTRIALS), (4961, UTILITIES), (5000, INDUSTRIALS),
    (5010, DISCRETIONARY), (5030, INDUSTRIALS), (5045, TECHNOLOGY), (5047, HEALTH), (5050, MATERIALS),
    (5063, INDUSTRIALS), (5065, TECHNOLOGY), (5070, INDUSTRIALS), (5094, DISCRETIONARY), (5110, INDUSTRIALS),
    (5122, HEALTH), (5130, DISCRETIONARY), (5140, STAPLES), (5160, MATERIALS), (5170, ENERGY), (5180, STAPLES),
    (5190, INDUSTRIALS), (5200, DISCRETIONARY), (5331, STAPLES), (5400, STAPLES), (5500, DISCRETIONARY),
    (5912, STAPLES), (5940, DISCRETIONARY), (6000, FINANCIALS), (6324, HEALTH), (6331, FINANCIALS),
    (6500, REAL_ESTATE), (6700, FINANCIALS), (6792, ENERGY), (6794, TECHNOLOGY), (6795, ENERGY),
    (6798, REAL_ESTATE), (6799, FINANCIALS), (7000, DISCRETIONARY), (7310, COMMUNICATION), (7320, INDUSTRIALS),
    (7370, TECHNOLOGY), (7380, INDUSTRIALS), (7389, FINANCIALS), (7500, DISCRETIONARY), (7510, INDUSTRIALS),
    (7600, INDUSTRIALS), (7810, COMMUNICATION), (7900, DISCRETIONARY), (8000, HEALTH), (8100, INDUSTRIALS),
    (8200, DISCRETIONARY), (8600, INDUSTRIALS), (8731, HEALTH), (8740, INDUSTRIALS), (8880, ""), (8900, INDUSTRIALS),
    (9721, ""), (9995, ""),
)  # fmt: skip
"""First code of each range, and its sector; "" where the code says nothing about the business."""

_STARTS = [start for start, _ in _RANGES]

_BY_WORDS = (
    (REAL_ESTATE, r"real estate|\breits?\b"),
    (HEALTH, r"pharma|biolog|medical|surgical|hospital|health|dental|diagnostic"),
    (ENERGY, r"petroleum|crude|oil & gas|oil and gas|coal"),
    (UTILITIES, r"electric services|water supply|gas distribution|natural gas transmission & distribution"),
    (FINANCIALS, r"\bbanks?\b|insurance|brokers|savings institution|credit|finance|blank check"),
    (TECHNOLOGY, r"software|semiconductor|computer|electronic components"),
    (COMMUNICATION, r"communications|broadcasting|television|telephone|publishing|advertising|motion picture"),
    (STAPLES, r"food|beverage|tobacco|cigarette|grocer|soap"),
    (MATERIALS, r"chemical|mining|\bmetal|paper|steel|gold|plastic"),
    (DISCRETIONARY, r"retail|apparel|hotel|motor vehicle|restaurant|eating|amusement|furniture"),
    (INDUSTRIALS, r"aircraft|machinery|trucking|railroad|transport|construction|industrial|engineering"),
)


def sector_of(sic_code: str | None, sic_description: str | None = None) -> str | None:
    """The sector of a SIC code, or of its description where the code is missing or unknown; None without a match.

    Args:
        sic_code: as the vendor gives it; leading zeros may be missing.
        sic_description: the code's description.
    """
    text = (sic_code or "").strip()
    if text.isascii() and text.isdigit():
        position = bisect_right(_STARTS, int(text)) - 1
        if position >= 0 and _RANGES[position][1]:
            return _RANGES[position][1]
    words = (sic_description or "").lower()
    return next((sector for sector, pattern in _BY_WORDS if re.search(pattern, words)), None)
