"""What `python -m sunco` says of an installation."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

from sunco import __version__
from sunco.__main__ import main, report

REQUIREMENTS = [
    "anyio>=4.5",
    "httpx>=0.27.2",
    'pytest>=8 ; extra == "checks"',
    'no-such-thing>=1 ; extra == "dreams"',
    "pytest ; extra == 'dreams'",
]


def use(monkeypatch: pytest.MonkeyPatch, requirements: list[str] | None) -> None:
    def requires(name: str) -> list[str] | None:
        assert name == "sunco"
        return requirements

    monkeypatch.setattr(metadata, "requires", requires)


def test_dependencies_stand_with_their_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, REQUIREMENTS)
    lines = report().splitlines()
    assert lines[0] == f"sunco {__version__}"
    assert f"Python {sys.version.split()[0]}," in lines[1]
    assert lines[3:6] == [
        "Dependencies",
        f"  anyio     {metadata.version('anyio')}",
        f"  httpx     {metadata.version('httpx')}",
    ]


def test_an_extra_is_present_when_all_of_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, REQUIREMENTS)
    pytest_version = metadata.version("pytest")
    assert report().splitlines()[7:] == [
        "Extras",
        f"  checks    present (pytest {pytest_version})",
        f"  dreams    absent (no-such-thing missing, pytest {pytest_version})",
    ]


def test_a_dependency_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, ["no-such-thing>=1"])
    assert "  no-such-thingmissing" not in report()
    assert "  no-such-thing missing" in report()


def test_code_that_was_not_installed_says_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert report().startswith(f"sunco {__version__}\n")


def test_requiring_nothing_is_no_reason_to_fail(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, None)
    main()
    assert capsys.readouterr().out.endswith("Dependencies\n\nExtras\n")


@pytest.mark.usefixtures("measured_processes")
def test_it_is_what_the_module_prints() -> None:
    command = [sys.executable, "-m", "sunco"]
    result = subprocess.run(command, capture_output=True, check=True, text=True, timeout=30)
    assert result.stdout == report()
    assert not result.stderr
