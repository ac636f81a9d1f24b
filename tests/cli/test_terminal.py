"""Commands as processes of their own: pipes, full disks, encodings, terminals, completion."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from click.shell_completion import ShellComplete

from sunco import Sunco
from sunco.cli.commands import program
from sunco.models import ParticipantUser

pytestmark = pytest.mark.usefixtures("measured_processes")


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-c", "from sunco.cli import main; main()", *map(str, arguments)]


# With these, doctor has something to say, and need not connect.
INCOMPLETE = {"SUNCO_APP_ID": "app_demo", "SUNCO_KEY_ID": ""}

full_device = pytest.mark.skipif(
    not Path("/dev/full").exists(), reason="this system has no device that is always full"
)


@pytest.fixture(scope="module")
def settings() -> Iterator[dict[str, str]]:
    """The settings of an emulator in a process of its own."""
    emulator = [sys.executable, "-m", "sunco.emulator", "--port", "0"]
    with subprocess.Popen(emulator, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().removeprefix("export ").strip() for _ in range(4)]
        yield dict(line.split("=", 1) for line in lines)
        process.terminate()


@pytest.fixture(scope="module")
def conversation(settings: dict[str, str]) -> str:
    """A conversation with as many messages as need two pages."""

    async def make() -> str:
        async with Sunco(
            app_id=settings["SUNCO_APP_ID"],
            key_id=settings["SUNCO_KEY_ID"],
            key_secret=settings["SUNCO_KEY_SECRET"],
            base_url=settings["SUNCO_BASE_URL"],
        ) as sunco:
            user = await sunco.users.create(external_id="ada")
            made = await sunco.conversations.create(
                "personal", participants=[ParticipantUser(user_id=user.id)]
            )
            for number in range(110):
                await sunco.messages.post(made.id, f"{number} é\x9b31m")
            return made.id

    return anyio.run(make)


def run(
    settings: dict[str, str],
    *arguments: object,
    stdout: Any = subprocess.PIPE,
    stderr: Any = subprocess.PIPE,
    encoding: str = "",
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **settings, "PYTHONIOENCODING": encoding}
    return subprocess.run(
        command(*arguments),
        env=environment,
        stdout=stdout,
        stderr=stderr,
        check=False,
    )


def run_without(
    descriptor: int, settings: dict[str, str], *arguments: object
) -> subprocess.CompletedProcess[bytes]:
    """Run a command that is started without standard input or output."""
    script = f"import os, sys; os.close({descriptor}); os.execv(sys.argv[1], sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", script, *command(*arguments)],
        env={**os.environ, **settings},
        capture_output=True,
        check=False,
    )


def messages(conversation: str) -> str:
    return f"/v2/apps/{{app_id}}/conversations/{conversation}/messages"


@full_device
def test_a_full_disk_has_an_exit_code_of_its_own(
    settings: dict[str, str], conversation: str
) -> None:
    body = json.dumps({"author": {"type": "business"}, "content": {"type": "text", "text": "x"}})
    path = messages(conversation)
    with Path("/dev/full").open("wb") as full:
        result = run(settings, "request", "POST", path, "--json", body, stdout=full)
    assert result.returncode == 6
    assert result.stderr == b"sunco: The output cannot be written: No space left on device.\n"


@full_device
@pytest.mark.parametrize("arguments", [["--help"], ["send", "--help"], ["--version"], ["doctor"]])
def test_a_full_disk_has_the_same_exit_code_in_every_command(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run(INCOMPLETE, *arguments, stdout=full)
    assert result.returncode == 6
    assert result.stderr == b"sunco: The output cannot be written: No space left on device.\n"


@full_device
def test_errors_that_cannot_be_printed_keep_their_exit_code(settings: dict[str, str]) -> None:
    with Path("/dev/full").open("wb") as full:
        result = run(settings, "send", "missing.csv", stderr=full)
    assert (result.returncode, result.stdout) == (2, b"")


@pytest.mark.parametrize(
    "arguments", [["request", "GET", "/v2/apps/{app_id}"], ["doctor"]], ids=["request", "doctor"]
)
def test_a_command_without_standard_output_says_so(
    settings: dict[str, str], arguments: list[str]
) -> None:
    result = run_without(1, settings, *arguments)
    assert result.returncode == 6
    assert result.stderr == b"sunco: The output cannot be written: standard output is closed.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["send", "-"],
        ["export", "--from", "-", "--to", "nowhere"],
        ["request", "POST", "/v2/apps", "--json", "-"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_without_standard_input_says_so(
    settings: dict[str, str], arguments: list[str]
) -> None:
    result = run_without(0, settings, *arguments)
    assert result.returncode == 2
    assert result.stderr == b"sunco: Standard input cannot be read: it is closed.\n"


def test_a_closed_pipe_ends_quietly(settings: dict[str, str], conversation: str) -> None:
    environment = {**os.environ, **settings}
    for arguments in (["request", "GET", messages(conversation), "--all"], ["doctor"]):
        with subprocess.Popen(
            command(*arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            errors = process.stderr.read()
        assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize(("encoding", "options"), [("cp1252", []), ("ascii", ["--all"])])
def test_json_is_utf_8_in_every_encoding_and_cannot_control_the_terminal(
    settings: dict[str, str], conversation: str, encoding: str, options: list[str]
) -> None:
    result = run(settings, "request", "GET", messages(conversation), *options, encoding=encoding)
    assert (result.returncode, result.stderr) == (0, b"")
    text = result.stdout.decode("utf-8")
    assert "109 é\\u009b31m" in text
    assert "\x9b" not in text
    assert "109 é\x9b31m" in json.dumps(json.loads(text), ensure_ascii=False)


@pytest.mark.parametrize(
    ("encoding", "marks"), [("ascii", ("ok:", "not ok:")), ("utf-8", ("✓", "✗"))]
)
def test_marks_fall_back_to_words(encoding: str, marks: tuple[str, str]) -> None:
    result = run(INCOMPLETE, "doctor", encoding=encoding)
    assert result.returncode == 3, result.stderr
    _, app, key, *_ = result.stdout.decode(encoding).splitlines()
    assert app.startswith(f"{marks[0]} SUNCO_APP_ID")
    assert key.startswith(f"{marks[1]} SUNCO_KEY_ID")


def test_an_encoding_that_does_not_exist_falls_back_to_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from sunco.cli.output import mark  # noqa: PLC0415 - with another standard output

    class Output:
        encoding = "no-such-encoding"

    monkeypatch.setattr(sys, "stdout", Output())
    assert (mark(ok=True), mark(ok=False)) == ("ok:", "not ok:")


def test_progress_is_printed_where_there_is_no_terminal(
    settings: dict[str, str], conversation: str, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    lines = [f"{conversation},{number}" for number in range(3)]
    rows.write_text("\n".join(["conversation_id,text", *lines]))
    script = (
        "from sunco.bulk import progress_bar as module; module._SECONDS_BETWEEN_LINES = 0;"
        "from sunco.cli import main; main()"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, "send", str(rows)],
        env={**os.environ, **settings},
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0
    assert b"send rows.csv to app app_demo: 3 of 3 finished" in result.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_shell_can_complete_commands(shell: str) -> None:
    script = "import sys; sys.argv[0] = 'sunco'; from sunco.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "_SUNCO_COMPLETE": f"{shell}_source"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "sunco" in result.stdout


def test_bash_completes_a_command_line(tmp_path: Path) -> None:
    program = tmp_path / "sunco"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.argv[0] = 'sunco'\n"
        "from sunco.cli import main\nmain()\n"
    )
    program.chmod(0o755)
    script = tmp_path / "complete.bash"
    script.write_text(
        "((BASH_VERSINFO[0] * 10 + BASH_VERSINFO[1] >= 44)) || exit 77\n"
        'eval "$(_SUNCO_COMPLETE=bash_source sunco)" || exit 1\n'
        "complete -p sunco\n"
        "COMP_WORDS=(sunco send --pre) COMP_CWORD=2\n"
        "_sunco_completion sunco\n"
        'echo "${COMPREPLY[@]}"\n'
    )
    shell = shutil.which("bash") or pytest.skip("there is no bash")
    result = subprocess.run(
        [shell, str(script)],
        env={**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode == 77:
        pytest.skip("completion needs bash 4.4")
    assert result.returncode == 0, result.stderr
    assert "-F _sunco_completion sunco" in result.stdout
    assert result.stdout.splitlines()[-1] == "--preview"


def test_completion_offers_commands() -> None:
    script = "import sys; sys.argv[0] = 'sunco'; from sunco.cli import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "_SUNCO_COMPLETE": "zsh_complete",
            "COMP_WORDS": "sunco ",
            "COMP_CWORD": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert "export" in result.stdout


def test_completion_offers_options() -> None:
    offered = ShellComplete(program, {}, "sunco", "_SUNCO_COMPLETE").get_completions(["send"], "--")
    assert "--preview" in {each.value for each in offered}
