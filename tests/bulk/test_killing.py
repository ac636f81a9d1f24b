"""Killed and resumed: the short forms of `bulk.killing` and `bulk.exporting`."""

from __future__ import annotations

from pathlib import Path

from bulk.exporting import compare
from bulk.killing import faulty_server, killed_and_resumed, tally


def test_each_message_is_taken_once(tmp_path: Path) -> None:
    with faulty_server(faults=0.02) as url:
        lines = list(killed_and_resumed(url, 300, 2, "once", tmp_path / "j.sqlite"))
        assert tally(url)["times"] == {"1": 300}
    assert "uncertain=0" in lines[-1]


def test_an_export_that_was_killed_ends_with_the_same_files(tmp_path: Path) -> None:
    lines = list(compare(500, 30, 1, tmp_path))
    assert lines[-1] == "31 files, 0 parts: identical"
