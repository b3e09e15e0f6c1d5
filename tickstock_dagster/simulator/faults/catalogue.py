"""Faults on demand: the ways in which a vendor's answer goes wrong, each a small model with its parameters.

A fault selects calls by path, ticker and day and is active for the next `times` calls, or until it is cleared.
`simulator.faults.damage` applies faults to answers; `simulator.faults.engine` keeps the active ones.
"""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tickstock_dagster.core.errors import BadInputError, choices


class _Fault(BaseModel):
    """What every fault has: which calls it strikes, and how many.

    Attributes:
        path: shell pattern of the request path (`*/aggs/*`); by default every path to which the fault can apply.
        ticker: only calls about this ticker; in a whole-market answer, only its row.
        day: only calls about this day; in a range answer, only its row.
        times: calls left; None: until cleared.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "*"
    ticker: str | None = None
    day: date | None = None
    times: int | None = Field(None, ge=1)


class RateLimitStorm(_Fault):
    """429 at any rate; `retry_after` seconds in a `Retry-After` header where given."""

    fault: Literal["rate_limit_storm"] = "rate_limit_storm"
    retry_after: int | None = Field(None, ge=0)


class ServerError(_Fault):
    """A gateway's HTML error page."""

    fault: Literal["server_error"] = "server_error"
    status: Literal[500, 502, 503, 504] = 502


class Timeout(_Fault):
    """The correct answer, `seconds` too late."""

    fault: Literal["timeout"] = "timeout"
    seconds: float = Field(30.0, gt=0)


class ConnectionDrop(_Fault):
    """The connection is reset before an answer."""

    fault: Literal["connection_drop"] = "connection_drop"


class CutBody(_Fault):
    """200 with the first `share` of the JSON.

    With `short`, the Content-Length is that of the whole and the connection closes early; without it, the length is
    right and only the JSON is broken.
    """

    fault: Literal["cut_body"] = "cut_body"
    share: float = Field(0.6, gt=0, lt=1)
    short: bool = False


class Empty200(_Fault):
    """200 without `results`, counts at 0; an empty list where the answer has no count."""

    fault: Literal["empty_200"] = "empty_200"


class NullResults(_Fault):
    """200 with `"results": null`."""

    fault: Literal["null_results"] = "null_results"


class OtherTicker(_Fault):
    """The answer claims to be about the ticker `answers`."""

    fault: Literal["other_ticker"] = "other_ticker"
    answers: str = "ZZZZ"


class OtherDay(_Fault):
    """Every bar's time is `shift_days` off."""

    fault: Literal["other_day"] = "other_day"
    shift_days: int = -1


class DuplicateRows(_Fault):
    """Every selected row comes twice."""

    fault: Literal["duplicate_rows"] = "duplicate_rows"


class ContradictingRows(_Fault):
    """Every selected row comes twice, the second time with a close `by` times as high, and a high to match."""

    fault: Literal["contradicting_rows"] = "contradicting_rows"
    by: float = Field(1.03, gt=1)


class SaturdayBar(_Fault):
    """A range answer has an extra bar, on the Saturday after its last Friday; a grouped Saturday has bars."""

    fault: Literal["saturday_bar"] = "saturday_bar"


class LateDay(_Fault):
    """The session `day` is published `minutes` later than usual; without `minutes`, not before this is cleared."""

    fault: Literal["late_day"] = "late_day"
    day: date
    minutes: int | None = Field(None, ge=1)


class ReplacedDay(_Fault):
    """The vendor corrects: once bars of `day` have been read, later reads show prices `factor` times as high."""

    fault: Literal["replaced_day"] = "replaced_day"
    day: date
    factor: float = Field(1.01, gt=0)


class MissingSymbols(_Fault):
    """A grouped day lacks rows: those of `tickers`, or the first `count` by ticker."""

    fault: Literal["missing_symbols"] = "missing_symbols"
    count: int = Field(3, ge=1)
    tickers: tuple[str, ...] = ()


class HalfAppliedSplit(_Fault):
    """Open and high of the selected rows are divided by `ratio`, low and close are not: the bar contradicts itself."""

    fault: Literal["half_applied_split"] = "half_applied_split"
    ratio: float = Field(2.0, gt=1)


class NotEntitled(_Fault):
    """403: the endpoint is not in the plan."""

    fault: Literal["not_entitled"] = "not_entitled"


class OutOfHistory(_Fault):
    """403: older than the plan's history."""

    fault: Literal["out_of_history"] = "out_of_history"


class BeforeEndOfDay(_Fault):
    """403: today's data before the end of the day."""

    fault: Literal["before_end_of_day"] = "before_end_of_day"


class DelayedStatus(_Fault):
    """200 with `"status": "DELAYED"` instead of OK: an answer with good data."""

    fault: Literal["delayed_status"] = "delayed_status"


Fault = (
    RateLimitStorm
    | ServerError
    | Timeout
    | ConnectionDrop
    | CutBody
    | Empty200
    | NullResults
    | OtherTicker
    | OtherDay
    | DuplicateRows
    | ContradictingRows
    | SaturdayBar
    | LateDay
    | ReplacedDay
    | MissingSymbols
    | HalfAppliedSplit
    | NotEntitled
    | OutOfHistory
    | BeforeEndOfDay
    | DelayedStatus
)

FAULTS: dict[str, type[Fault]] = {kind.model_fields["fault"].default: kind for kind in Fault.__args__}
"""Every fault by its name."""

_ADAPTER: TypeAdapter[Fault] = TypeAdapter(Annotated[Fault, Field(discriminator="fault")])


def parse_fault(given: dict[str, Any]) -> Fault:
    """A fault from its name (`fault`) and parameters.

    Raises:
        BadInputError: the name or a parameter is wrong; names it and what is accepted.
    """
    name = str(given.get("fault", ""))
    if name not in FAULTS:
        raise BadInputError("fault", name, choices(name, FAULTS, limit=len(FAULTS)))
    try:
        return _ADAPTER.validate_python(given)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"][1:]) or name
        accepted = ", ".join(sorted(field for field in FAULTS[name].model_fields if field != "fault"))
        raise BadInputError(
            f"{name}.{where}", problem.get("input"), f"{problem['msg']}; parameters: {accepted}"
        ) from None
