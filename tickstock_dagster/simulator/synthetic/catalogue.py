"""The named tickers of the synthetic market, one line each. The invented prices start from these traits.

Names, listing exchanges and sectors are the real ones; price levels and volumes have only the right order of magnitude.
Splits and renames are in `history`, the deliberately awkward tickers in `oddities`.
"""

from dataclasses import dataclass

SECTORS = {
    "T": "technology", "F": "financials", "H": "health care", "D": "consumer discretionary", "S": "consumer staples",
    "E": "energy", "I": "industrials", "M": "materials", "U": "utilities", "R": "real estate", "C": "communication",
}  # fmt: skip


# ticker | name | MIC letter | sector | price level, USD | shares a day, millions | dividend yield, % a year
_STOCKS = """
AAPL|Apple Inc.|Q|T|260|48|0.4
MSFT|Microsoft Corp|Q|T|480|21|0.7
NVDA|Nvidia Corp|Q|T|185|170|0.1
AMZN|Amazon.Com Inc|Q|D|225|38|0
GOOGL|Alphabet Inc. Class A Common Stock|Q|C|300|30|0.3
META|Meta Platforms, Inc. Class A Common Stock|Q|C|640|13|0.3
BRK.B|Berkshire Hathaway Inc. Class B|N|F|495|4.4|0
JPM|JPMorgan Chase & Co.|N|F|310|9|1.9
XOM|Exxon Mobil Corporation|N|E|118|15|3.4
UNH|UnitedHealth Group Incorporated|N|H|330|8|2.6
TSLA|Tesla, Inc. Common Stock|Q|D|430|85|0
AVGO|Broadcom Inc. Common Stock|Q|T|345|24|0.7
LLY|Eli Lilly & Co.|N|H|1020|3.3|0.6
V|Visa Inc.|N|F|340|6.2|0.8
MA|Mastercard Incorporated|N|F|550|2.9|0.6
HD|The Home Depot, Inc.|N|D|350|4.1|2.6
PG|Procter & Gamble Company|N|S|148|8.2|2.8
COST|Costco Wholesale Corp|Q|S|900|2.3|0.6
JNJ|Johnson & Johnson|N|H|205|8.1|2.5
WMT|Walmart Inc. Common Stock|Q|S|110|17|0.8
ABBV|AbbVie Inc.|N|H|228|5.6|3.0
BAC|Bank of America Corporation|N|F|54|36|2.0
MRK|Merck & Company, Inc.|N|H|98|12|3.3
CVX|Chevron Corporation|N|E|152|8.4|4.5
KO|Coca-Cola Company|N|S|71|15|2.9
PEP|PepsiCo, Inc. Common Stock|Q|S|146|6.9|3.9
ADBE|Adobe Inc. Common Stock|Q|T|350|3.7|0
CRM|Salesforce, Inc.|N|T|255|7.3|0.6
NFLX|NetFlix Inc|Q|C|98|38|0
AMD|Advanced Micro Devices|Q|T|215|45|0
TMO|Thermo Fisher Scientific, Inc.|N|H|575|1.7|0.3
CSCO|Cisco Systems, Inc. Common Stock|Q|T|77|20|2.1
ACN|Accenture PLC|N|T|265|4.2|2.4
MCD|McDonald's Corporation|N|D|310|3.2|2.4
ABT|Abbott Laboratories|N|H|126|6.4|1.9
LIN|Linde plc Ordinary Share|Q|M|425|2.3|1.4
ORCL|Oracle Corp|N|T|195|22|1.0
INTC|Intel Corp|Q|T|38|95|0
CMCSA|Comcast Corp Class A|Q|C|29|29|4.5
QCOM|Qualcomm Inc|Q|T|172|8.3|2.1
DIS|The Walt Disney Company|N|C|113|8.8|1.3
WFC|Wells Fargo & Co.|N|F|93|14|1.9
DHR|Danaher Corporation|N|H|228|3.9|0.6
VZ|Verizon Communications|N|C|40|22|6.8
TXN|Texas Instruments Inc|Q|T|176|6.7|3.2
INTU|Intuit Inc|Q|T|660|1.9|0.7
CAT|Caterpillar Inc.|N|I|575|3.6|1.1
AMGN|Amgen Inc|Q|H|328|2.6|3.0
IBM|International Business Machines Corporation|N|T|295|4.6|2.3
PFE|Pfizer Inc.|N|H|25|48|6.9
NOW|ServiceNow, Inc.|N|T|155|9.5|0
UNP|Union Pacific Corp.|N|I|232|3.0|2.4
GE|GE Aerospace|N|I|308|5.1|0.5
SPGI|S&P Global Inc.|N|F|523|1.4|0.7
LOW|Lowe's Companies Inc.|N|D|241|2.7|2.0
HON|Honeywell International Inc.|Q|I|195|4.1|2.4
GS|Goldman Sachs Group Inc.|N|F|880|2.1|1.8
RTX|RTX Corporation|N|I|183|5.2|1.5
ISRG|Intuitive Surgical Inc.|Q|H|566|1.9|0
NEE|NextEra Energy, Inc.|N|U|80|9.6|2.8
BKNG|Booking Holdings Inc.|Q|D|5350|0.25|0.7
AMAT|Applied Materials Inc|Q|T|257|7.2|0.7
T|AT&T Inc.|N|C|24|38|4.5
ELV|Elevance Health, Inc.|N|H|350|1.9|2.0
PLD|Prologis, Inc.|N|R|128|3.5|3.2
MS|Morgan Stanley|N|F|178|5.6|2.2
BLK|BlackRock, Inc.|N|F|1070|0.7|1.9
SYK|Stryker Corp.|N|H|351|1.5|1.0
VRTX|Vertex Pharmaceuticals Inc|Q|H|453|1.5|0
TJX|TJX Companies, Inc.|N|D|154|5.1|1.1
LMT|Lockheed Martin Corp.|N|I|484|1.4|2.8
SCHW|Charles Schwab Corporation|N|F|100|8.9|1.1
MDT|Medtronic plc|N|H|96|7.1|3.0
C|Citigroup Inc.|N|F|117|13|2.1
DE|Deere & Company|N|I|466|1.4|1.4
ADP|Automatic Data Processing, Inc. Common Stock|Q|I|257|2.0|2.6
GILD|Gilead Sciences Inc|Q|H|123|6.3|2.6
BMY|Bristol-Myers Squibb Company|N|H|54|12|4.6
LRCX|Lam Research Corporation Common Stock|Q|T|171|10|0.6
REGN|Regeneron Pharmaceuticals Inc|Q|H|772|0.8|0.5
ADI|Analog Devices Inc|Q|T|271|3.4|1.5
MMC|Marsh & McLennan Companies, Inc.|N|F|185|2.6|1.9
CB|Chubb Limited|N|F|312|1.7|1.2
ETN|Eaton Corporation, PLC|N|I|318|2.9|1.3
CI|The Cigna Group|N|H|275|1.8|2.2
BX|Blackstone Inc.|N|F|154|4.3|3.0
SO|Southern Company|N|U|87|5.0|3.4
ZTS|Zoetis Inc.|N|H|126|4.2|1.6
MU|Micron Technology Inc.|Q|T|285|24|0.2
UPS|United Parcel Service, Inc. Class B|N|I|99|6.5|6.6
MO|Altria Group, Inc.|N|S|58|8.3|7.2
DUK|Duke Energy Corporation|N|U|117|3.4|3.6
SLB|SLB Limited|N|E|38|14|2.9
CL|Colgate-Palmolive Company|N|S|79|5.8|2.6
EOG|EOG Resources, Inc.|N|E|105|3.7|3.8
TGT|Target Corporation|N|S|98|6.0|4.6
BDX|Becton, Dickinson and Co.|N|H|194|2.2|2.1
CME|CME Group Inc.|Q|F|273|2.2|1.8
ITW|Illinois Tool Works Inc.|N|I|246|1.3|2.6
NOC|Northrop Grumman Corp.|N|I|570|0.8|1.6
"""

# The sector column contains what an ETF follows: a sector letter, or a broad factor (see `prices.FACTORS`).
_ETFS = """
SPY|SPDR S&P 500 ETF Trust|P|market|682|70|1.1
QQQ|Invesco QQQ Trust, Series 1|Q|T|614|52|0.5
IWM|iShares Russell 2000 ETF|P|small|246|33|1.0
DIA|SPDR Dow Jones Industrial Average ETF Trust|P|market|481|5.1|1.4
VTI|Vanguard Total Stock Market ETF|P|market|335|3.9|1.1
XLK|State Street Technology Select Sector SPDR ETF|P|T|144|13|0.5
XLF|State Street Financial Select Sector SPDR ETF|P|F|55|38|1.3
XLE|State Street Energy Select Sector SPDR ETF|P|E|45|33|3.2
XLV|State Street Health Care Select Sector SPDR ETF|P|H|155|9.4|1.6
XLI|State Street Industrial Select Sector SPDR ETF|P|I|156|8.6|1.3
XLY|State Street Consumer Discretionary Select Sector SPDR ETF|P|D|120|7.5|0.8
XLP|State Street Consumer Staples Select Sector SPDR ETF|P|S|78|14|2.7
XLU|State Street Utilities Select Sector SPDR ETF|P|U|43|21|2.7
XLB|State Street Materials Select Sector SPDR ETF|P|M|45|9.7|1.8
XLRE|State Street Real Estate Select Sector SPDR ETF|P|R|41|6.1|3.4
XLC|State Street Communication Services Select Sector SPDR ETF|P|C|118|4.8|1.1
VUG|Vanguard Growth ETF|P|T|488|1.1|0.4
VTV|Vanguard Value ETF|P|F|192|3.2|2.1
IVW|iShares S&P 500 Growth ETF|P|T|123|2.7|0.4
IVE|iShares S&P 500 Value ETF|P|F|213|0.8|1.7
SCHG|Schwab U.S. Large-Cap Growth ETF|P|T|33|11|0.4
SCHV|Schwab U.S. Large-Cap Value ETF|P|F|30|4.6|2.1
VYM|Vanguard High Dividend Yield Index ETF|P|F|144|1.5|2.5
VEA|Vanguard FTSE Developed Markets ETF|P|world|63|14|2.7
VWO|Vanguard FTSE Emerging Markets ETF|P|emerging|54|9.2|2.6
IEFA|iShares Core MSCI EAFE ETF|Z|world|90|11|2.8
EEM|iShares MSCI Emerging Markets ETF|P|emerging|55|31|2.1
EFA|iShares MSCI EAFE ETF|P|world|97|14|2.8
GLD|SPDR Gold Shares|P|gold|398|11|0
SLV|iShares Silver Trust|P|gold|66|38|0
DBA|Invesco DB Agriculture Fund|P|crops|26|0.5|3.5
USO|United States Oil Fund, LP|P|E|69|6.4|0
VGT|Vanguard Information Technology ETF|P|T|756|0.5|0.4
FTEC|Fidelity MSCI Information Technology Index ETF|P|T|223|0.3|0.4
SMH|VanEck Semiconductor ETF|Q|T|361|8.1|0.3
BND|Vanguard Total Bond Market Index Fund ETF|Q|bonds|74|6.9|3.8
AGG|iShares Core U.S. Aggregate Bond ETF|P|bonds|100|8.7|3.8
LQD|iShares iBoxx $ Investment Grade Corporate Bond ETF|P|bonds|110|25|4.4
TLT|iShares 20+ Year Treasury Bond ETF|Q|long bonds|87|32|4.4
VTEB|Vanguard Tax-Exempt Bond Index ETF|P|bonds|50|7.4|3.2
"""

MICS = {"N": "XNYS", "Q": "XNAS", "P": "ARCX", "Z": "BATS", "A": "XASE"}


@dataclass(frozen=True, slots=True)
class Traits:
    """The parameters from which a series is drawn.

    Attributes:
        price: level in US dollars on `prices.ANCHOR`, in shares of that day.
        daily_shares: usual volume.
        dividend_yield: fraction a year.
        follows: sector letter or broad factor.
        beta: to the market factor.
        own_volatility: daily standard deviation of the moves that no factor explains.
        trades_on: share of sessions on which it trades.
    """

    price: float
    daily_shares: float
    dividend_yield: float = 0.0
    follows: str = "market"
    beta: float = 1.0
    own_volatility: float = 0.012
    trades_on: float = 1.0


@dataclass(frozen=True, slots=True)
class Listing:
    """A named ticker: its type code, MIC and traits."""

    ticker: str
    name: str
    equity_type: str
    exchange: str
    traits: Traits


_FUND_BETA = {"bonds": 0.02, "long bonds": -0.1, "gold": 0.05, "crops": 0.1, "world": 0.75, "emerging": 0.8}


def _rows(table: str, equity_type: str) -> list[Listing]:
    listings = []
    for line in table.strip().splitlines():
        ticker, name, exchange, follows, price, millions, dividend_yield = line.split("|")
        fund = equity_type == "ETF"
        traits = Traits(
            price=float(price),
            daily_shares=float(millions) * 1e6,
            dividend_yield=float(dividend_yield) / 100,
            follows=follows,
            beta=_FUND_BETA.get(follows, 1.0),
            own_volatility=0.001 if fund else 0.011,
        )
        listings.append(Listing(ticker, name, equity_type, MICS[exchange], traits))
    return listings


def named_listings() -> list[Listing]:
    """Every named stock and fund, in the order of the profiles."""
    return _rows(_STOCKS, "CS") + _rows(_ETFS, "ETF")
