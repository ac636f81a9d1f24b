"""Spans and metrics for OpenTelemetry (`sunco[otel]`); see `OpenTelemetryObserver`."""

from __future__ import annotations

from sunco.observe.otel import OpenTelemetryObserver

__all__ = ["OpenTelemetryObserver"]
