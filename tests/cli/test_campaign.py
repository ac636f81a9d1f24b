"""A campaign that is killed and resumed, and nightly exports; see also `nox -s campaign`."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.campaign import campaign


def test_a_campaign_that_is_killed_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = campaign(200, tmp_path, short=True)
    output = capsys.readouterr().out
    assert done, output
    assert "200 rows, 200 texts, sent more than once: 0" in output
    assert "20 exported, 1 failed, 200 messages" in output
    assert "1 updated, 19 unchanged, 1 messages" in output
