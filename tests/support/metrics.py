"""What OpenTelemetry's reader finds, by metric and attribute."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricsData

from sunco.otel import OpenTelemetryMetrics

__all__ = ["Metrics"]


class Metrics:
    """Metrics of a provider of their own."""

    def __init__(self, **options: Any) -> None:
        self._reader = InMemoryMetricReader()
        provider = MeterProvider(metric_readers=[self._reader])
        self.switch = OpenTelemetryMetrics(provider, **options)

    def read(self) -> dict[str, dict[tuple[str, ...], float]]:
        """For each metric, its values by the values of its attributes, sorted by their names."""
        data: MetricsData | None = self._reader.get_metrics_data()
        points: list[tuple[str, Any]] = [
            (metric.name, point)
            for resource in (data.resource_metrics if data is not None else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for name, point in points:
            attributes = tuple(str(value) for _, value in sorted(point.attributes.items()))
            found.setdefault(name, {})[attributes] = point.value
        return found
