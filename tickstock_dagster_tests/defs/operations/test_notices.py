"""The sensors for people, with a real SMTP server: from a session that stays empty to the mail about it."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest
import redis

from tickstock_dagster_tests.defs.factory import FORTY, Factory, all_definitions
from tickstock_dagster_tests.mail_server import Inbox, make_certificate, smtp_environment, smtp_server


def friday(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-20 {clock}").replace(tzinfo=ZoneInfo("America/New_York"))


def tick(factory: Factory, sensor: str, clock: str) -> str:
    """What a sensor says at a moment of Friday."""
    context = dg.build_sensor_context(instance=factory.instance, resources=factory.resources(friday(clock)))
    answer = all_definitions().resolve_sensor_def(sensor)(context)
    assert isinstance(answer, dg.SkipReason)
    return answer.skip_message or ""


def test_a_session_that_stays_empty_is_told_at_six_and_mailed_once(
    factory_on_postgres: Factory, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    factory, inbox, certificate = factory_on_postgres, Inbox(), make_certificate(tmp_path)
    factory.track(*FORTY)
    assert tick(factory, "day_notice_sensor", "17:59") == "nothing new to publish"
    assert tick(factory, "admin_mail_sensor", "18:00") == "no SMTP server is configured (TICKSTOCK_SMTP_HOST)"
    said = tick(factory, "day_notice_sensor", "18:00")
    assert said == "published: 2026-11-20 is below the objective, which was due"
    assert tick(factory, "day_notice_sensor", "18:01") == "nothing new to publish"
    with redis.Redis.from_url(factory.redis_url) as client:
        assert client.xlen("tickstock.eod.status") == 1, "whoever listens hears of it, too"

    with smtp_server(inbox, certificate) as port:
        factory.configure(**smtp_environment(port, certificate))
        factory.configure(TICKSTOCK_SMTP_PORT="1")
        away = tick(factory, "admin_mail_sensor", "18:02")
        assert away.startswith("no mail was due; 1 wait until 2026-11-20 23:03:00 UTC: localhost:1: ")
        factory.configure(TICKSTOCK_SMTP_PORT=str(port))
        assert tick(factory, "admin_mail_sensor", "18:02") == "no mail was due; 1 wait until 2026-11-20 23:03:00 UTC"
        assert tick(factory, "admin_mail_sensor", "18:03") == "sent 1; no mail waits"
        assert tick(factory, "admin_mail_sensor", "18:04") == "no mail was due; no mail waits"
    ((receivers, message, encrypted),) = inbox.mails
    assert (receivers, encrypted) == (["a@example.org"], True)
    assert message["Subject"] == "[TickStock] XNYS 2026-11-20 is of unknown completeness, below 95%"
    assert "No end-of-day run was made for it." in message.get_content()
    assert "hidden-word" not in away + caplog.text
