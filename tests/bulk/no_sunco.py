"""Preloaded by a Dask process in which sunco is not installed."""

from __future__ import annotations

import sys
from typing import Any, cast

sys.modules["sunco"] = cast("Any", None)
