"""Spans and metrics for OpenTelemetry, by its conventions for HTTP clients (`sunco[otel]`)."""

from __future__ import annotations

from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, get_tracer

from sunco._version import __version__
from sunco.observe._events import (
    Observation,
    RequestFailed,
    RequestSent,
    ResponseReceived,
    RetryScheduled,
)

__all__ = ["OpenTelemetryObserver"]

# The conventions' own buckets for durations in seconds.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_FIRST_ERROR: Final = 400


class OpenTelemetryObserver:
    """An observer that makes a client span and records the duration of every attempt.

    ```python
    Sunco.from_env(observers=[OpenTelemetryObserver()])
    ```

    A span's parent is the current span of the caller.

    Args:
        tracer_provider: The provider of the spans; the global one by default.
        meter_provider: The provider of the metrics; the global one by default.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        self._tracer = get_tracer("sunco", __version__, tracer_provider)
        self._durations = get_meter("sunco", __version__, meter_provider).create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )
        self._retries = get_meter("sunco", __version__, meter_provider).create_counter(
            "sunco.client.retries",
            unit="{retry}",
            description="Requests that are retried.",
        )
        self._spans: dict[int, tuple[Span, float]] = {}

    def __call__(self, event: Observation) -> None:
        """Record an event."""
        if isinstance(event, RequestSent):
            self._start(event)
        elif isinstance(event, ResponseReceived):
            failed = event.status >= _FIRST_ERROR
            error = str(event.status) if failed else None
            self._end(event, event.status, error)
        elif isinstance(event, RetryScheduled):
            self._retries.add(1, {**_common(event), "error.type": event.error})
            self._end(event, None, event.error)
        elif isinstance(event, RequestFailed):
            self._end(event, None, event.error)

    def _start(self, event: RequestSent) -> None:
        attributes = {**_common(event), "url.full": f"{event.origin}{event.path}"}
        if event.operation is not None:
            attributes["sunco.operation"] = event.operation
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        span = self._tracer.start_span(event.method, kind=SpanKind.CLIENT, attributes=attributes)
        self._spans[event.call] = span, perf_counter()

    def _end(self, event: Observation, status: int | None, error: str | None) -> None:
        if event.call not in self._spans:
            # A response has ended the span, or there was no attempt.
            return
        span, started = self._spans.pop(event.call)
        outcome: dict[str, str | int] = {}
        if status is not None:
            outcome["http.response.status_code"] = status
        if error is not None:
            outcome["error.type"] = error
            span.set_status(StatusCode.ERROR)
        span.set_attributes(outcome)
        span.end()
        self._durations.record(perf_counter() - started, {**_common(event), **outcome})


def _common(event: Observation) -> dict[str, str | int]:
    parts = urlsplit(event.origin)
    return {
        "http.request.method": event.method,
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
