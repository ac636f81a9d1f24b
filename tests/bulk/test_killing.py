"""Killed and gone on with, a job sends each message once: the short form of `bulk.killing`."""

from __future__ import annotations

from pathlib import Path

from bulk.killing import faulty_server, killed_and_resumed, tally


def test_each_message_is_taken_once(tmp_path: Path) -> None:
    with faulty_server(faults=0.01) as url:
        told = list(killed_and_resumed(url, 600, 2, "once", tmp_path / "j.sqlite"))
        assert tally(url)["times"] == {"1": 600}
    assert "uncertain=0" in told[-1]
