import pytest

from tickstock_dagster.adapters.sources import protocol as source
from tickstock_dagster.adapters.sources.massive.errors import error_for, redact, retry_after_seconds, vendor_words

PRICING = "Please upgrade your plan at https://massive.com/pricing"


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"status":"ERROR","error":"limit is wrong"}', source.RejectedRequestError),
        (400, '{"status":"ERROR","error":"API Key was not provided"}', source.AuthFailedError),
        (401, '{"status":"ERROR","error":"Unknown API Key"}', source.AuthFailedError),
        (403, '{"message":"You are not entitled to this data. ' + PRICING + '"}', source.NotEntitledError),
        (
            403,
            '{"message":"Your plan doesn\'t include this data timeframe. ' + PRICING + '"}',
            source.OutOfHistoryError,
        ),
        (403, '{"message":"Attempted to request today\'s data before end of day."}', source.NotPublishedYetError),
        (404, '{"status":"NOT_FOUND","message":"Ticker not found."}', source.NotFoundError),
        (429, '{"status":"ERROR","error":"You\'ve exceeded the maximum requests"}', source.RateLimitedError),
        (405, "", source.RejectedRequestError),
        (302, "", source.RejectedRequestError),
        (204, "", source.MalformedAnswerError),
        (408, "", source.UpstreamError),
        (500, "<html><title>500 Internal</title></html>", source.UpstreamError),
        (504, "", source.UpstreamError),
    ],
)
def test_each_refusal_has_its_type_and_keeps_the_status(status, body, kind):
    error = error_for(status, body, "massive: bars of AAPL")
    assert type(error) is kind
    assert error.status == status
    assert str(error).startswith(f"massive: bars of AAPL: the vendor answered {status}: ")


def test_only_what_may_go_away_is_transient():
    kinds = {type(error_for(status, "", "x")) for status in (400, 401, 403, 404, 405, 302)}
    assert all(issubclass(kind, source.PermanentVendorError) for kind in kinds)
    assert all(isinstance(error_for(status, "", "x"), source.TransientVendorError) for status in (429, 500, 502, 503))


def test_a_wrong_key_says_which_variable_to_look_at():
    assert str(error_for(401, '{"error":"Unknown API Key"}', "massive: x")) == (
        "massive: x: the vendor answered 401: Unknown API Key; check MASSIVE_API_KEY"
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error":"a","message":"b"}', "a; b"),
        ('{"status":"ERROR"}', "ERROR"),
        ("<html><head><TITLE>\n502 Bad Gateway </TITLE>", "a page titled '502 Bad Gateway'"),
        ("  plain \n text ", "plain text"),
        ("", "without a word"),
        ("[1]", "[1]"),
    ],
)
def test_the_vendors_words_are_found_wherever_they_stand(body, words):
    assert vendor_words(body) == words


def test_the_vendors_words_are_bounded():
    assert len(vendor_words("x" * 5000)) == 240


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 40.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("-5", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header, seconds):
    assert retry_after_seconds(header, now=60.0) == seconds


def test_the_key_is_taken_out_in_every_form_in_which_it_may_be_repeated():
    text = redact("bad s3/cr+t, s3%2Fcr%2Bt, ?apiKey=other&x=1 Bearer other2", "s3/cr+t")
    assert text == "bad [key], [key], ?apiKey=[key]&x=1 Bearer [key]"
    assert redact("nothing to hide", "") == "nothing to hide"
