from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sunco import ConfigurationError, DecodeError, Request, Response, errors
from sunco.models import User
from sunco.wire import (
    Headers,
    Operation,
    checked_base_url,
    checked_path,
    encode_query,
    expand_path,
    oauth_url,
    retry_after,
    status_error,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
GET = Request("GET", "https://api.example.test/sc/v2/apps/a?page%5Bafter%5D=x")


def test_headers_are_found_in_any_case_and_keep_secrets() -> None:
    headers = Headers({"Authorization": "Basic abc", "X-API-Key": "k", "Accept": "a"})
    assert headers["AUTHORIZATION"] == "Basic abc"
    assert "accept" in headers
    assert "Accept" in headers
    assert dict(headers) == {"authorization": "Basic abc", "x-api-key": "k", "accept": "a"}
    shown = repr(headers | {"Set-Cookie": "c=1"})
    assert shown == (
        "Headers({'authorization': '[secret]', 'x-api-key': '[secret]', 'accept': 'a', "
        "'set-cookie': '[secret]'})"
    )
    assert len(headers) == 3


def test_reprs_show_neither_bodies_nor_credentials() -> None:
    request = Request("POST", "https://x.test/y", {"Authorization": "secret"}, b"private", 1.0)
    response = Response(200, {"Set-Cookie": "secret"}, b"private")
    for shown in (repr(request), repr(response)):
        assert "secret'" not in shown.replace("[secret]'", "")
        assert "private" not in shown
        assert "<7 bytes>" in shown
    assert request.path == "/y"


def test_response_json() -> None:
    assert Response(200, {}, b'{"a": 1}').json() == {"a": 1}
    with pytest.raises(DecodeError, match="HTML"):
        Response(200, {}, b"<html>").json()


def test_ids_are_encoded_into_the_path() -> None:
    path = expand_path("/v2/apps/{app_id}/users/{user}", {"app_id": "a/b", "user": "é ?#%.."})
    assert path == "/v2/apps/a%2Fb/users/%C3%A9%20%3F%23%25.."


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "user must not be empty"),
        (" \t", "user must not be empty"),
        (".", "user must not be '.'"),
        ("..", "user must not be '..'"),
        (None, "user must be a str, not NoneType"),
        (7, "user must be a str, not int"),
        ("\ud800", "user has characters that no URL can carry"),
    ],
)
def test_unsafe_ids_are_rejected(value: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        expand_path("/users/{user}", {"user": value})
    assert isinstance(caught.value, ValueError)


def test_a_missing_app_is_explained() -> None:
    with pytest.raises(ConfigurationError, match=r"pass app_id=.* to Sunco"):
        expand_path("/v2/apps/{app_id}", {"app_id": None})


@given(st.text(min_size=1).filter(lambda s: s.strip() and s not in {".", ".."}))
def test_no_id_leaves_its_place_in_the_path(value: str) -> None:
    try:
        path = expand_path("/a/{user}/b", {"user": value})
    except ConfigurationError:
        assert any("\ud800" <= character <= "\udfff" for character in value)
        return
    start, encoded, end = path[:3], path[3:-2], path[-2:]
    assert (start, end) == ("/a/", "/b")
    assert encoded.isascii()
    assert not set("/?#\\ ") & set(encoded)


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"page": {"after": None, "before": None, "size": None}}, ""),
        ({"page": {"after": "a b", "size": 5}}, "page%5Bafter%5D=a%20b&page%5Bsize%5D=5"),
        ({"filter": {"identities.email": "a+b@c"}}, "filter%5Bidentities.email%5D=a%2Bb%40c"),
        ({"filter": {"types": ["web", "ios"]}}, "filter%5Btypes%5D=web%2Cios"),
        ({"on": True, "off": False, "none": None, "n": 0}, "on=true&off=false&n=0"),
        ({"brandId": ""}, "brandId="),
    ],
)
def test_queries(params: Any, query: str) -> None:
    assert encode_query(params) == query


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/v2/apps", "/v2/apps"),
        ("/v2/a b/é?x=1&y[z]=%20", "/v2/a%20b/%C3%A9?x=1&y[z]=%20"),
        ("/v2/a?next=../b", "/v2/a?next=../b"),
        ("/v2/a#b", "/v2/a%23b"),
    ],
)
def test_given_paths(path: str, sent: str) -> None:
    assert checked_path(path) == sent


@pytest.mark.parametrize(
    "path", ["", "v2/apps", ".evil.test/x", "@evil.test", "https://e.test", "/a/../b", "/a/./b"]
)
def test_given_paths_that_lead_elsewhere(path: str) -> None:
    with pytest.raises(ConfigurationError, match="The path must"):
        checked_path(path)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://api.smooch.io", "https://api.smooch.io"),
        ("https://acme.zendesk.com/sc/", "https://acme.zendesk.com/sc"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.5", "http://127.0.0.5"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_base_urls(url: str, kept: str) -> None:
    assert checked_base_url(url) == kept


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "whole URL"),
        ("acme.zendesk.com", "whole URL"),
        ("ftp://acme.zendesk.com", "whole URL"),
        ("https://", "whole URL"),
        ("https://[::1", "not a URL"),
        ("https://x.test:port", "not a URL"),
        ("https://key:hunter2@x.test", "no credentials"),
        ("https://key@x.test", "no credentials"),
        ("https://x.test/?a=1", "end with its path"),
        ("https://x.test/#a", "end with its path"),
        ("https://x.test/a b", "end with its path"),
        ("https://x.test\\y", "end with its path"),
        ("http://api.smooch.io", "must use https"),
        ("http://127.evil.test", "must use https"),
        ("http://8.8.8.8", "must use https"),
        ("http://localhost.evil.test", "must use https"),
    ],
)
def test_base_urls_that_cannot_work(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        checked_base_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 00:00:30", 30.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("9" * 400, None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(Headers({"Retry-After": value}), NOW) == seconds
    assert retry_after(Headers(), NOW) is None


def test_operations_know_what_can_be_repeated() -> None:
    none = type(None)
    assert Operation("GetUser", "GET", "/", User).repeatable
    assert Operation("UpdateUser", "PATCH", "/", User).repeatable
    assert not Operation("CreateUser", "POST", "/", User).repeatable
    assert Operation("Download", "POST", "/", User, repeatable=True).repeatable
    assert Operation("DeleteUser", "DELETE", "/", none).not_found_is_success
    # It returns the user that is left: where there is none, nothing was done.
    assert not Operation("DeleteUserPersonalInformation", "DELETE", "/", User).not_found_is_success
    assert not Operation("Leave", "POST", "/", none).not_found_is_success


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, errors.APIStatusError),
        (400, errors.BadRequestError),
        (401, errors.AuthenticationError),
        (402, errors.PaymentRequiredError),
        (403, errors.PermissionDeniedError),
        (404, errors.NotFoundError),
        (405, errors.APIStatusError),
        (408, errors.APIStatusError),
        (409, errors.ConflictError),
        (413, errors.PayloadTooLargeError),
        (422, errors.APIStatusError),
        (423, errors.ConversationFullError),
        (429, errors.RateLimitError),
        (500, errors.ServerError),
        (502, errors.ServerError),
        (599, errors.ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[errors.APIStatusError]) -> None:
    content = b'{"errors":[{"code":"some_code","title":"Some\\ntitle"},{"code":"other"}]}'
    error = status_error(GET, Response(status, {"X-Request-Id": "r"}, content), NOW)
    assert type(error) is kind
    assert error.status == status
    assert error.errors == (("some_code", "Some title"), ("other", None))
    assert (error.code, error.title) == ("some_code", "Some title")
    assert error.headers["x-request-id"] == "r"
    assert (error.method, error.path, error.attempts) == ("GET", "/sc/v2/apps/a", 1)
    assert str(error).startswith(
        f"GET /sc/v2/apps/a responded {status} some_code: Some title; other."
    )
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", None, "responded 502 with an empty body."),
        (
            b"<html>secret</html>",
            "text/html; charset=utf-8",
            "responded 502 with 19 bytes of text/html (a gateway or proxy may have responded).",
        ),
        (b"oops", None, "responded 502 with 4 bytes of unknown content."),
        (b"[]", "application/json", "responded 502 with 2 bytes of application/json."),
        (b'{"errors":7}', "application/json", "responded 502 with 12 bytes"),
        (b'{"errors":[7,{}]}', "application/json", "responded 502 with 17 bytes"),
        (b'{"error":"x"}', "application/json", "responded 502 with 13 bytes"),
    ],
)
def test_error_responses_without_a_reason(content: bytes, kind: str | None, said: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    error = status_error(GET, Response(502, headers, content), NOW)
    assert said in str(error)
    assert error.code is None
    assert error.title is None
    assert "retry later" in str(error)


def test_redirects_say_what_to_check() -> None:
    error = status_error(GET, Response(301, {"Location": "https://evil.test"}, b""), NOW)
    assert str(error) == (
        "GET /sc/v2/apps/a responded 301 with a redirect, and redirects are not followed. "
        "Check subdomain and base_url."
    )


def test_rate_limits_say_how_long() -> None:
    error = status_error(GET, Response(429, {"Retry-After": "2.5"}, b""), NOW)
    assert isinstance(error, errors.RateLimitError)
    assert error.retry_after == 2.5
    assert str(error).endswith("Retry after 2.5 s.")
    silent = status_error(GET, Response(429), NOW)
    assert isinstance(silent, errors.RateLimitError)
    assert silent.retry_after is None
    assert str(silent).endswith("Send fewer requests per second; see rate_limit.")


def test_a_retry_after_that_makes_no_sense_is_ignored() -> None:
    values = [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 99 Jan 2026 99:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
        "Mon,",
        "9" * 400,
        "1" * 10,
        "-1",
        "1e3",
        "\u0663",
        "nan",
        "soon",
        "x" * 1_000_000,
    ]
    understood = [value for value in values if retry_after({"retry-after": value}, NOW) is not None]
    assert understood == []
    assert retry_after({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, NOW) == 0


def test_an_emulator_over_plain_http_serves_oauth_itself() -> None:
    cases = {
        "http://emulator:8080": "http://emulator:8080",
        "https://localhost/sc": "https://localhost/sc",
        "https://api.smooch.io": "https://oauth-bridge.zendesk.com/sc",
    }
    assert {url: oauth_url(url) for url in cases} == cases


def test_headers_with_a_secret_in_their_name_are_not_shown() -> None:
    names = ["Authorization", "Cookie", "X-API-Key", "X-Auth-Token", "X-Client-Secret", "Password"]
    assert "s3cret" not in repr(Headers(dict.fromkeys(names, "s3cret")))
    assert "Acme" in repr(Headers({"X-Zendesk-Marketplace-Name": "Acme"}))


def test_headers_are_a_mapping_whose_names_have_no_case() -> None:
    headers = Headers({"Content-Type": "a"})
    assert Headers(headers) == headers == {"content-type": "a"}
    assert list(headers) == list(headers.keys()) == ["content-type"]
    assert (headers["CONTENT-TYPE"], len(headers), list(headers.values())) == ("a", 1, ["a"])
