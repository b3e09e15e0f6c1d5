"""A calendar's sessions in order, each with its hours worked out when it is asked for.

A market has twenty thousand sessions, of which a command looks at a few: to work out the hours of all of them took a
tenth of a second of every process. What is asked of a calendar belongs in `core.calendars.session_calendar`.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import overload

from tickstock_dagster.core.calendars.library import SessionHours

Rows = list[SessionHours | None]


class SessionTable(Sequence[SessionHours]):
    """The sessions' hours by place, as a tuple has them. Immutable, but for what it has worked out.

    Attributes:
        dates: of the sessions, ascending.
        rows: what is worked out already, by place.
        given: places of rows that somebody stated, and that nothing proves to be in order yet.
    """

    def __init__(
        self, dates: Sequence[date], hours_of: Callable[[date], SessionHours], given: Iterable[int] = ()
    ) -> None:
        self.dates = tuple(dates)
        self.rows: Rows = [None] * len(self.dates)
        self.given = tuple(given)
        self._hours_of = hours_of

    @classmethod
    def of(cls, rows: Iterable[SessionHours]) -> "SessionTable":
        """A table of rows that somebody states, in their order."""
        stated = tuple(rows)
        table = cls([row.session for row in stated], lambda _day: stated[0], range(len(stated)))
        table.rows[:] = stated
        return table

    def replaced(self, rows: Mapping[date, SessionHours | None]) -> "SessionTable":
        """This table with other hours on some days; None: no session."""
        dates = list(self.dates)
        for day, row in rows.items():
            place = bisect_left(dates, day)
            if place < len(dates) and dates[place] == day:
                del dates[place]
            if row is not None:
                dates.insert(place, day)
        stated = {day: row for day, row in rows.items() if row is not None}
        given = [bisect_left(dates, day) for day in sorted(stated)]
        return SessionTable(dates, lambda day: stated.get(day) or self.hours_of(day), given)

    def hours_of(self, day: date) -> SessionHours:
        """The hours of a day that is a session."""
        return self._at(bisect_left(self.dates, day))

    def _at(self, place: int) -> SessionHours:
        row = self.rows[place]
        if row is None:
            row = self.rows[place] = self._hours_of(self.dates[place])
        return row

    @overload
    def __getitem__(self, place: int) -> SessionHours: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[SessionHours, ...]: ...
    def __getitem__(self, place: int | slice) -> SessionHours | tuple[SessionHours, ...]:
        if isinstance(place, slice):
            return tuple(map(self._at, range(*place.indices(len(self.dates)))))
        return self._at(place)

    def __iter__(self) -> Iterator[SessionHours]:
        return map(self._at, range(len(self.dates)))

    def __len__(self) -> int:
        return len(self.dates)

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, SessionTable | tuple) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # as a list: it may be long
