import pytest
from pydantic import SecretStr

from tickstock_dagster.adapters.sources.factory import open_source, plan_in_force
from tickstock_dagster.adapters.sources.file_source import FileSource
from tickstock_dagster.adapters.sources.massive.source import MassiveSource
from tickstock_dagster.core.errors import BadInputError, ConfigurationError
from tickstock_dagster.core.loading.vendor_plans import PlanName
from tickstock_dagster.settings import Settings

KEY = {"MASSIVE_API_KEY": "s3cret-key"}
URL = "http://127.0.0.1:9"


def settings(**variables):
    return Settings.model_validate(variables)


def address(source):
    return source._http._client.BASE


def key(source):
    return source._http._client.API_KEY


def test_without_a_key_the_simulator_is_the_vendor():
    source = open_source(settings(), simulator_url=URL)
    assert isinstance(source, MassiveSource)
    assert (source.name, address(source), key(source)) == ("simulator", URL, "simulator")
    assert source.plan.name is PlanName.STARTER


def test_with_a_key_the_vendor_is_asked_at_its_own_address():
    source = open_source(settings(**KEY), simulator_url=URL)
    assert (source.name, address(source), key(source)) == ("massive", "https://api.massive.com", "s3cret-key")


def test_a_configured_address_replaces_the_vendors_or_the_simulators():
    assert address(open_source(settings(**KEY, MASSIVE_BASE_URL="http://gateway/m/"))) == "http://gateway/m"
    assert address(open_source(settings(MASSIVE_BASE_URL="http://sim:8089"))) == "http://sim:8089"


def test_the_simulator_can_be_asked_for_although_there_is_a_key_and_never_sees_it():
    source = open_source(settings(**KEY, MASSIVE_BASE_URL="http://gateway"), source="simulator", simulator_url=URL)
    assert (source.name, address(source), key(source)) == ("simulator", URL, "simulator")


def test_a_file_can_be_asked_for(tmp_path):
    path = tmp_path / "bars.csv"
    path.write_text("ticker,session,open,high,low,close,volume\n")
    source = open_source(settings(), source=f"files:{path}")
    assert isinstance(source, FileSource)
    assert source.listings().is_empty()


def test_the_plan_and_its_rate_come_from_the_settings():
    assert plan_in_force(settings(MASSIVE_PLAN="free")).calls == 5
    faster = plan_in_force(settings(MASSIVE_PLAN="business", MASSIVE_CALLS_PER_SECOND=90))
    assert (faster.calls, faster.per_seconds, faster.tolerated, faster.fmv) == (90, 1, 90, True)


@pytest.mark.parametrize("source", ["polygon", "files", "files:/no/such.csv", "files:"])
def test_an_unknown_source_is_bad_input(source):
    with pytest.raises(BadInputError, match=r"source .* is not accepted: massive, simulator or files:PATH"):
        open_source(settings(), source=source, simulator_url=URL)


def test_what_is_not_set_up_is_named():
    with pytest.raises(ConfigurationError, match="MASSIVE_API_KEY is not set"):
        open_source(settings(), source="massive")
    with pytest.raises(ConfigurationError, match="the simulator is not running"):
        open_source(settings())


@pytest.mark.parametrize("bad", ["two words", "line\nbreak", "ключ", "\x7f"])
def test_a_key_that_no_header_can_carry_is_refused_without_repeating_it(bad):
    with pytest.raises(ConfigurationError, match="MASSIVE_API_KEY is not accepted") as caught:
        open_source(settings().model_copy(update={"massive_api_key": SecretStr(bad)}))
    assert bad not in str(caught.value)


@pytest.mark.parametrize(
    "bad",
    [
        "api.massive.com",
        "ftp://x",
        "http://",
        "http://u:hunter2@x",
        "http://x/?apiKey=hunter2",
        "http://h:notaport",
        "http://h:99999",
        "http://h:0",
        "http://[::1?c",
        "http://a b",
        "http://-x",
        "http://höst",
        "http://h/\x00",
    ],
)
def test_an_address_with_more_than_an_address_is_refused_without_repeating_it(bad):
    with pytest.raises(BadInputError, match=r"^MASSIVE_BASE_URL '.*' is not accepted: http://host") as caught:
        open_source(settings(**KEY).model_copy(update={"massive_base_url": bad}))
    assert "hunter2" not in str(caught.value)


def test_sources_of_one_process_share_their_keys_rate():
    one, other = (open_source(settings(), simulator_url=URL) for _ in range(2))
    keyed = open_source(settings(**KEY))
    assert one._http._limiter is other._http._limiter
    assert one._http._limiter is not keyed._http._limiter


def test_all_processes_share_the_rate_through_the_warehouse(migrated_database_url):
    import psycopg

    source = open_source(settings(**KEY), database_url=migrated_database_url)
    source._http._limiter.acquire()
    source._http._limiter.close()
    with psycopg.connect(migrated_database_url) as connection:
        buckets = connection.execute("SELECT bucket FROM vendor_rate_limits").fetchall()
    assert len(buckets) == 1
    assert "s3cret" not in buckets[0][0]
