"""What the documentation says of names is true."""

from __future__ import annotations

import re
from operator import attrgetter
from pathlib import Path

from contract.calls import sent

from sunco import BasicAuth, Sunco

ROOT = Path(__file__).parent.parent


def test_the_table_of_the_vendors_methods_names_every_method() -> None:
    table = (ROOT / "docs" / "vendor-methods.md").read_text(encoding="utf-8")
    names = re.findall(r"\| `([a-z_]+\.[a-z_]+)` \|$", table, re.MULTILINE)
    sunco = Sunco(base_url="http://localhost", auth=BasicAuth("k", "s"))
    assert len({attrgetter(name)(sunco).__qualname__ for name in names}) == len(names)
    assert len(names) == len(sent())
