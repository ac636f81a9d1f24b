"""Spans and metrics for OpenTelemetry, by its conventions for HTTP clients (`sunco[otel]`)."""

from __future__ import annotations

from time import perf_counter
from typing import Final
from urllib.parse import urlsplit

from opentelemetry.metrics import MeterProvider, get_meter
from opentelemetry.trace import Span, SpanKind, StatusCode, TracerProvider, get_tracer

from sunco._version import __version__
from sunco.observe import AnswerReceived, GaveUp, Observation, RequestSent, RetryPlanned

__all__ = ["OpenTelemetryObserver"]

# The conventions' own buckets for durations in seconds.
_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_FIRST_REFUSAL: Final = 400


class OpenTelemetryObserver:
    """An observer that makes a client span and a duration of every try.

    ```python
    Sunco.from_env(observers=[OpenTelemetryObserver()])
    ```

    A span's parent is whatever span is current where the call is made.

    Args:
        tracer_provider: Where spans go; by default the global one.
        meter_provider: Where metrics go; by default the global one.
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
            description="Requests that are tried again.",
        )
        self._spans: dict[int, tuple[Span, float]] = {}

    def __call__(self, event: Observation) -> None:
        """Take note of an event."""
        if isinstance(event, RequestSent):
            self._begin(event)
        elif isinstance(event, AnswerReceived):
            failed = event.status >= _FIRST_REFUSAL
            error = str(event.status) if failed else None
            self._end(event, event.status, error)
        elif isinstance(event, RetryPlanned):
            self._retries.add(1, {**_common(event), "error.type": event.error})
            self._end(event, None, event.error)
        elif isinstance(event, GaveUp):
            self._end(event, None, event.error)

    def _begin(self, event: RequestSent) -> None:
        attributes = {**_common(event), "url.full": f"{event.origin}{event.path}"}
        if event.operation is not None:
            attributes["sunco.operation"] = event.operation
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        span = self._tracer.start_span(event.method, kind=SpanKind.CLIENT, attributes=attributes)
        self._spans[event.call] = span, perf_counter()

    def _end(self, event: Observation, status: int | None, error: str | None) -> None:
        if event.call not in self._spans:
            # An answer has ended it already, or there was no try.
            return
        span, began = self._spans.pop(event.call)
        outcome: dict[str, str | int] = {}
        if status is not None:
            outcome["http.response.status_code"] = status
        if error is not None:
            outcome["error.type"] = error
            span.set_status(StatusCode.ERROR)
        span.set_attributes(outcome)
        span.end()
        self._durations.record(perf_counter() - began, {**_common(event), **outcome})


def _common(event: Observation) -> dict[str, str | int]:
    parts = urlsplit(event.origin)
    return {
        "http.request.method": event.method,
        "server.address": parts.hostname or "",
        "server.port": parts.port or (443 if parts.scheme == "https" else 80),
    }
