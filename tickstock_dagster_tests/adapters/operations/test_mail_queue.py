"""One mail an event, whoever was away: against a real SMTP server with STARTTLS and a login."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tickstock_dagster.adapters.operations.mail import Mailer
from tickstock_dagster.adapters.operations.mail_queue import NEWS_FOR, MailRun, send_due_mails
from tickstock_dagster.adapters.postgres.database import open_engine
from tickstock_dagster.core.events.envelope import EodStatus, Event, ScheduleAdjusted
from tickstock_dagster_tests.adapters.events.outbox_helpers import commit, progress, rows
from tickstock_dagster_tests.mail_server import PASSWORD, USER, Inbox, make_certificate, smtp_server

NOW = datetime(2026, 11, 20, 23, 5, tzinfo=UTC)
FRI, HALF_DAY = date(2026, 11, 20), date(2026, 11, 27)
COUNTS = {"expected": 40, "stored": 10, "explained": 0, "missing": 30, "gaps_by_reason": {"vendor_late": 30}}


def adjusted(kind: str, day: date = HALF_DAY, *, at: datetime = NOW) -> Event:
    after = {"opens_at": "2026-11-27T14:30:00+00:00", "closes_at": "2026-11-27T18:00:00+00:00"}
    details = {"reason": "a power cut", "after": "closed" if kind == "unexpected_holiday" else after}
    data = ScheduleAdjusted(market="XNYS", session=day, adjustment_type=kind, details=details)
    return Event.of(data, time=at, dedupe_key=kind)


def status(state: str) -> Event:
    due_at = NOW - timedelta(minutes=5) if state == "overdue" else None
    data = EodStatus(session=FRI, market="XNYS", **COUNTS, state=state, attempt=2, message=None, due_at=due_at)
    return Event.of(data, time=NOW, dedupe_key=state)


RELEVANT = [adjusted("early_close"), adjusted("unexpected_holiday", date(2026, 12, 1)), status("overdue")]
OTHERS = [progress("job", 1), adjusted("withdrawn"), adjusted("added_session"), status("started"), status("incomplete")]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class Post:
    """A store, a server that can be away, and a clock."""

    def __init__(self, database_url: str, inbox: Inbox, port: int, certificate: Path, receiver: str) -> None:
        self.url, self.inbox, self.port, self.now = database_url, inbox, port, NOW
        sender, ca_file = "factory@example.org", str(certificate)
        self.there = Mailer("localhost", port, "starttls", sender, (receiver,), USER, PASSWORD, ca_file)
        self.away = Mailer("localhost", 1, "starttls", sender, (receiver,), USER, PASSWORD, ca_file)

    def send(self, mailer: Mailer | None = None, *, clock: Callable[[], datetime] | None = None) -> MailRun:
        return send_due_mails(open_engine(self.url), mailer or self.there, clock or (lambda: self.now))

    @property
    def subjects(self) -> list[str]:
        return [message["Subject"] for _, message, _ in self.inbox.mails]


@pytest.fixture
def post(migrated_database_url: str, certificate: tuple[Path, Path]) -> Iterator[Post]:
    inbox = Inbox()
    with smtp_server(inbox, certificate) as port:
        yield Post(migrated_database_url, inbox, port, certificate[0], "a@example.org")


def test_each_event_that_matters_is_mailed_once_and_encrypted(post: Post) -> None:
    commit(post.url, [*RELEVANT, *OTHERS])
    assert post.send() == MailRun(3, 0, None)
    assert post.subjects == [
        "[TickStock] XNYS closes early on 2026-11-27",
        "[TickStock] XNYS is closed on 2026-12-01",
        "[TickStock] XNYS 2026-11-20 is 25.00% complete, below 95%",
    ]
    assert all(encrypted for _, _, encrypted in post.inbox.mails)
    early, _, late = (message.get_content() for _, message, _ in post.inbox.mails)
    assert "at 13:00 EST (2026-11-27 18:00 UTC)" in early
    assert "a power cut" in early
    assert "95% were due by 2026-11-20 23:00 UTC" in late
    assert [message["Message-ID"] for _, message, _ in post.inbox.mails] == [
        f"<{event.id}@example.org>" for event in RELEVANT
    ]
    assert post.send() == MailRun(0, 0, None)
    commit(post.url, RELEVANT)
    assert post.send() == MailRun(0, 0, None), "the same change told again is the same event"
    assert len(post.inbox.mails) == 3


def test_a_server_that_is_away_loses_nothing_and_is_asked_again_less_and_less_often(post: Post) -> None:
    commit(post.url, RELEVANT[:2])
    found = post.send(post.away)
    assert (found.sent, found.waiting, found.next_try_at) == (0, 2, NOW + timedelta(minutes=1))
    assert "refused" in str(found.error)
    assert PASSWORD not in str(rows(post.url, "SELECT last_error FROM admin_mails"))
    waits = []
    for _ in range(7):
        next_try_at = post.send(post.away).next_try_at
        assert next_try_at is not None
        assert post.send(post.away) == MailRun(0, 2, next_try_at), "nobody is asked before it is time"
        waits.append(next_try_at - post.now)
        post.now = next_try_at
    assert waits[-1] <= timedelta(hours=1)
    assert waits == sorted(waits)
    assert post.send() == MailRun(2, 0, None)
    assert sorted(post.subjects) == sorted(
        ["[TickStock] XNYS closes early on 2026-11-27", "[TickStock] XNYS is closed on 2026-12-01"]
    )


def test_a_mail_that_is_never_taken_keeps_the_others_back_for_one_wait_alone(
    migrated_database_url: str, certificate: tuple[Path, Path]
) -> None:
    inbox = Inbox(refused_subject="2026-11-27")
    with smtp_server(inbox, certificate) as port:
        post = Post(migrated_database_url, inbox, port, certificate[0], "a@example.org")
        commit(post.url, RELEVANT)
        assert "not wanted" in str(post.send().error)
        post.now += timedelta(minutes=1)
        found = post.send()
        assert (found.sent, found.waiting) == (2, 1)
        commit(post.url, [adjusted("early_close", date(2026, 12, 24), at=post.now)])
        assert post.send().sent == 1, "what is new does not wait for it"


def test_what_is_old_when_it_is_first_seen_is_no_news(post: Post) -> None:
    commit(post.url, [adjusted("early_close", at=NOW - NEWS_FOR - timedelta(minutes=1))])
    commit(post.url, [adjusted("unexpected_holiday", at=NOW - NEWS_FOR)])
    assert post.send().sent == 1
    assert post.subjects == ["[TickStock] XNYS is closed on 2026-11-27"]


def test_two_processes_do_not_mail_at_the_same_time(post: Post) -> None:
    commit(post.url, RELEVANT[:1])
    with psycopg.connect(post.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", (0x7469636B6D61696C,))
        assert post.send() == MailRun(0, 1, NOW, busy=True)
    assert post.send().sent == 1


def test_a_crash_after_the_server_s_word_sends_the_same_mail_again_under_the_same_id(post: Post) -> None:
    commit(post.url, RELEVANT[:1])

    def dies() -> datetime:
        if post.inbox.mails:
            raise KeyboardInterrupt
        return NOW

    with pytest.raises(KeyboardInterrupt):
        post.send(clock=dies)
    assert post.send().sent == 1
    assert [message["Message-ID"] for _, message, _ in post.inbox.mails] == [f"<{RELEVANT[0].id}@example.org>"] * 2


def test_mails_leave_with_their_event(post: Post) -> None:
    commit(post.url, RELEVANT[:1])
    post.send()
    with psycopg.connect(post.url, options="-c role=tickstock_writer") as connection:
        connection.execute("DELETE FROM outbox")
    assert rows(post.url, "SELECT count(*) FROM admin_mails") == [(0,)]
