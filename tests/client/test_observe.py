"""What observers are summarised, and that it holds nothing that is nobody's business."""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

import anyio
import attrs
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.clock import skip_sleeps
from support.scripted import error_response, response, scripted

from sunco import APIConnectionError, ConfigurationError, DecodeError, NotFoundError, RateLimiter
from sunco.observe import (
    Observation,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
    Throttled,
    log,
)
from sunco.otel import OpenTelemetryObserver

pytestmark = pytest.mark.anyio

USER = response({"user": {"id": "u1"}})
BUSY = error_response(503, "unavailable", "Try later")
GONE = error_response(404, "user_not_found", "User not found")


def lost() -> APIConnectionError:
    return APIConnectionError("ReadError", maybe_delivered=True)


def summarised(events: list[Observation]) -> list[tuple[Any, ...]]:
    """The events without what is different each time."""
    changing = {"call", "duration", "delay", "method", "origin", "path", "operation"}
    return [
        (
            type(event),
            *(value for name, value in attrs.asdict(event).items() if name not in changing),
        )
        for event in events
    ]


async def test_the_story_of_a_call() -> None:
    events: list[Observation] = []
    sunco, _ = scripted(BUSY, lost(), USER, observers=[events.append])
    await sunco.users.get("u1")
    assert summarised(events) == [
        (RequestSent, 1),
        (ResponseReceived, 1, 503),
        (RetryScheduled, 1, 503, "ServerError"),
        (RequestSent, 2),
        (RetryScheduled, 2, None, "APIConnectionError"),
        (RequestSent, 3),
        (ResponseReceived, 3, 200),
    ]
    assert len({event.call for event in events}) == 1
    assert {(e.operation, e.method, e.origin, e.path) for e in events} == {
        ("GetUser", "GET", "https://api.example.test", "/sc/v2/apps/app1/users/u1")
    }
    retried = [event for event in events if isinstance(event, RetryScheduled)]
    assert all(event.duration >= 0 and event.delay >= 0 for event in retried)


async def test_how_calls_end() -> None:
    events: list[Observation] = []
    sunco, _ = scripted(GONE, lost(), response(b"<html>"), observers=[events.append])
    with pytest.raises(NotFoundError):
        await sunco.users.get("u1")
    with pytest.raises(APIConnectionError):
        await sunco.messages.post("c1", "Hi")
    with pytest.raises(DecodeError):
        await sunco.users.get("u1")
    ends = [event for event in events if isinstance(event, RequestFailed)]
    assert [(event.status, event.error) for event in ends] == [
        (404, "NotFoundError"),
        (None, "APIConnectionError"),
        (200, "DecodeError"),
    ]
    assert len({event.call for event in events}) == 3


async def test_a_cancelled_call_has_an_end_too() -> None:
    events: list[Observation] = []

    class Silent:
        async def send(self, _: Any) -> Any:
            await anyio.sleep_forever()

        async def aclose(self) -> None: ...

    sunco, _ = scripted(transport=Silent(), observers=[events.append])
    with anyio.move_on_after(0.01):
        await sunco.users.get("u1")
    assert [type(event) for event in events] == [RequestSent, RequestFailed]


async def test_waiting_for_the_limiter_is_emitted(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_sleeps(monkeypatch)
    events: list[Observation] = []
    sunco, _ = scripted(USER, USER, rate_limit=RateLimiter(1000, 1), observers=[events.append])
    for _ in range(2):
        await sunco.users.get("u1")
    (limited,) = [event for event in events if isinstance(event, Throttled)]
    assert limited.attempt == 0
    assert limited.duration == pytest.approx(0.001)


async def test_a_request_that_is_no_operation() -> None:
    events: list[Observation] = []
    sunco, _ = scripted(response({}), observers=[events.append])
    await sunco.request("GET", "/v2/new?token=t0ken", params={"q": "quiet"})
    assert {event.operation for event in events} == {None}
    assert {event.path for event in events} == {"/sc/v2/new"}


async def test_an_observer_that_raises_is_logged_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    events: list[Observation] = []

    def broken(_: Observation) -> None:
        raise LookupError("mine")

    sunco, _ = scripted(USER, observers=[broken, events.append])
    await sunco.users.get("u1")
    assert len(events) == 2
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert "mine" in caplog.text


async def test_what_cannot_observe() -> None:
    async def later(_: Observation) -> None: ...

    unfit: list[Any] = [later, "log"]
    for observer in unfit:
        with pytest.raises(ConfigurationError, match="plain callable"):
            scripted(observers=[observer])


class TestLogging:
    async def test_a_line_a_request_and_retries_for_all_to_see(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        skip_sleeps(monkeypatch)
        sunco, _ = scripted(BUSY, lost(), USER, rate_limit=RateLimiter(1000, 1))
        with caplog.at_level(logging.DEBUG, logger="sunco"):
            await sunco.users.get("u1")
        lines = [(record.levelname, record.getMessage()) for record in caplog.records]
        path = "/sc/v2/apps/app1/users/u1"
        starts = [
            ("DEBUG", f"GET {path} responded 503 in 0."),
            ("INFO", f"GET {path} failed with 503, retrying in "),
            ("DEBUG", f"GET {path} waited 0."),
            ("INFO", f"GET {path} failed with APIConnectionError, retrying in "),
            ("DEBUG", f"GET {path} waited 0."),
            ("DEBUG", f"GET {path} responded 200 in 0."),
        ]
        assert len(lines) == len(starts)
        for (level, line), (expected, start) in zip(lines, starts, strict=True):
            assert level == expected
            assert line.startswith(start)
            assert "GetUser" in line

    async def test_a_call_that_ends_without_a_response(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        sunco, _ = scripted(lost(), GONE)
        with caplog.at_level(logging.DEBUG, logger="sunco"):
            with pytest.raises(APIConnectionError):
                await sunco.messages.post("c1", "Hi")
            with pytest.raises(NotFoundError):
                await sunco.users.get("u1")
        texts = [record.getMessage() for record in caplog.records]
        assert "failed with APIConnectionError after 0." in texts[0]
        assert "responded 404" in texts[1]
        assert len(texts) == 2

    async def test_info_is_for_retries_alone(self, caplog: pytest.LogCaptureFixture) -> None:
        sunco, _ = scripted(BUSY, USER)
        with caplog.at_level(logging.INFO, logger="sunco"):
            await sunco.users.get("u1")
        assert [record.levelname for record in caplog.records] == ["INFO"]

    def test_what_logging_does_not_know(self, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG, logger="sunco"):
            log(Observation(call=1, operation=None, method="", origin="", path="", attempt=1))
        assert not caplog.records


async def test_no_secret_no_text_no_query(caplog: pytest.LogCaptureFixture) -> None:
    events: list[Observation] = []
    failed = APIConnectionError("s3cret text?", maybe_delivered=True)
    sunco, _ = scripted(BUSY, USER, failed, observers=[events.append])
    with caplog.at_level(logging.DEBUG, logger="sunco"):
        await sunco.users.get("u1", brand_id="br4nd")
        with pytest.raises(APIConnectionError):
            await sunco.messages.post("c1", "my t3xt")
    shown = f"{events!r} {caplog.text}"
    for private in ("s3cret", "YXBwX2s6czNjcmV0", "br4nd", "t3xt", "?"):
        assert private not in shown


class Telemetry:
    """What OpenTelemetry was given."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.observer = OpenTelemetryObserver(
            self.tracers, MeterProvider(metric_readers=[self.reader])
        )

    def spans(self) -> tuple[ReadableSpan, ...]:
        return self.exporter.get_finished_spans()

    def points(self, name: str) -> list[Any]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == name
            for point in metric.data.data_points
        ]


async def test_spans_and_durations(monkeypatch: pytest.MonkeyPatch) -> None:
    skip_sleeps(monkeypatch)
    telemetry = Telemetry()
    sunco, _ = scripted(
        BUSY,
        lost(),
        USER,
        GONE,
        lost(),
        rate_limit=RateLimiter(1000, 1),
        observers=[telemetry.observer],
    )
    with telemetry.tracers.get_tracer("app").start_as_current_span("parent") as parent:
        await sunco.users.get("u1")
    with pytest.raises(NotFoundError):
        await sunco.users.get("u1")
    with pytest.raises(APIConnectionError):
        await sunco.messages.post("c1", "my t3xt")
    spans = [span for span in telemetry.spans() if span.name != "parent"]
    outcomes = [
        (
            span.name,
            (span.attributes or {}).get("http.response.status_code"),
            (span.attributes or {}).get("error.type"),
            (span.attributes or {}).get("http.request.resend_count"),
            span.status.is_ok,
        )
        for span in spans
    ]
    assert outcomes == [
        ("GET", 503, "503", None, False),
        ("GET", None, "APIConnectionError", 1, False),
        ("GET", 200, None, 2, True),
        ("GET", 404, "404", None, False),
        ("POST", None, "APIConnectionError", None, False),
    ]
    assert {span.kind.name for span in spans} == {"CLIENT"}
    first = spans[0]
    assert first.parent is not None
    assert first.parent.span_id == parent.get_span_context().span_id
    assert dict(first.attributes or {}) == {
        "http.request.method": "GET",
        "server.address": "api.example.test",
        "server.port": 443,
        "url.full": "https://api.example.test/sc/v2/apps/app1/users/u1",
        "sunco.operation": "GetUser",
        "http.response.status_code": 503,
        "error.type": "503",
    }
    durations = telemetry.points("http.client.request.duration")
    assert sum(point.count for point in durations) == 5
    assert sum(point.value for point in telemetry.points("sunco.client.retries")) == 2


async def test_ports_and_requests_without_an_operation() -> None:
    telemetry = Telemetry()
    for base_url, port in (("http://localhost", 80), ("http://localhost:8080", 8080)):
        sunco, _ = scripted(response({}), base_url=base_url, observers=[telemetry.observer])
        await sunco.request("GET", "/v2/new")
        attributes = telemetry.spans()[-1].attributes or {}
        assert attributes["server.port"] == port
        assert "sunco.operation" not in attributes


def test_what_to_install_for_opentelemetry_is_said_when_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "sunco.otel")
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sunco\[otel\]'"):
        importlib.import_module("sunco.otel")
