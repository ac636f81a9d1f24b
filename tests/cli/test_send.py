"""`sunco send`, as a shell sees it."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from cli.conftest import Commands
from cli.test_commands import responding
from sunco import StorageError
from sunco.resources.messages import Messages


def csv_of(tmp_path: Path, *lines: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_each_row_is_sent_once_however_often_the_command_runs(
    commands: Commands, tmp_path: Path
) -> None:
    _, conversation = commands.talk()
    rows = csv_of(tmp_path, "conversation_id,text", *[f"{conversation},{n}" for n in range(30)])
    journal = tmp_path / "j.sqlite"
    assert commands("send", rows, "--journal", journal, "--rate", "10000") == 0
    assert "30 sent in" in commands.output
    assert commands("send", rows, "--journal", journal) == 0
    assert "0 sent, 30 done before" in commands.output
    assert commands("send", rows) == 0
    assert sorted(commands.texts(conversation), key=int) == [str(n) for n in range(30)]


def test_a_dry_run_sends_nothing_and_needs_no_settings(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUNCO_KEY_ID")
    rows = csv_of(tmp_path, "conversation_id,text", "c1,x")
    assert commands("send", rows, "--dry-run") == 0
    assert commands.output == "1 messages could be sent. Nothing was sent.\n"


def test_json_lines_carry_content_keys_and_metadata(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    objects = [
        {"conversation_id": conversation, "text": "one", "key": "k1", "metadata": {"n": 1}},
        {"conversation_id": conversation, "key": 2, "content": {"type": "text", "text": "two"}},
    ]
    rows = csv_of(tmp_path, *map(json.dumps, objects), "", name="rows.jsonl")
    assert commands("send", rows, "--concurrency", "1") == 0
    path = f"/v2/apps/{{app_id}}/conversations/{conversation}/messages"
    two, one = commands.json("request", "GET", path, "--all")
    assert one["metadata"] == {"n": 1, "sunco_once": "k1"}
    assert (two["content"]["text"], two["metadata"]) == ("two", {"sunco_once": "2"})


def test_a_csv_can_carry_the_same(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    rows = csv_of(
        tmp_path,
        "\ufeffconversation_id,content,key,metadata",
        f'{conversation},"{{""type"":""text"",""text"":""one""}}",k1,"{{""n"":1}}"',
        "",
    )
    assert commands("send", rows, "--format", "csv") == 0
    assert commands.texts(conversation) == ["one"]


def test_a_row_that_the_api_rejects_is_reported_with_its_line(
    commands: Commands, tmp_path: Path
) -> None:
    _, conversation = commands.talk()
    lines = [f"gone,{number}" for number in range(25)]
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},fine", *lines)
    assert commands("send", rows, "--concurrency", "1") == 1
    assert "1 sent, 25 failed" in commands.output
    assert "failed: line 3: GET" in commands.output
    assert "responded 404 " in commands.output
    assert "and 5 more" in commands.output
    assert commands("send", rows, "--stop-after-failures", "2", "--concurrency", "1") == 1
    assert "Stopped because of --stop-after-failures" in commands.output


BAD_LINES = [
    ("c1,a,b", "it has 3 cells, the header 2"),
    ("c1", "it has 1 cells, the header 2"),
    (",text", "conversation_id is missing"),
    ("c1,", "it needs one of text and content"),
    ("c1,  ", "text is empty"),
    ("c1," + "x" * 4097, "text has 4,097 characters"),
    ('c1,"a"b', "it is not CSV"),
    ("c1," + "x" * 200_000, "it is not CSV: field larger than field limit"),
    ("c1," + "x" * 10_000_000, "longer than 1,048,576 bytes"),
    ("c1,twice\nc1,twice", "line 4: it repeats line 3"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_LINES, ids=[text for _, text in BAD_LINES])
def test_a_bad_row_of_a_csv_stops_it_before_anything_is_sent(
    commands: Commands, tmp_path: Path, line: str, complaint: str
) -> None:
    _, conversation = commands.talk()
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},fine", line)
    assert commands("send", rows) == 2
    assert "1 of " in commands.errors
    assert "so nothing was sent" in commands.errors
    assert complaint in commands.errors
    assert commands("send", rows, "--dry-run") == 2
    assert commands.texts(conversation) == []


BAD_OBJECTS = [
    ("{", "it is not JSON: Expecting"),
    ("[]", "it is not a JSON object"),
    ('{"text": "x"}', "conversation_id is missing"),
    ('{"conversation_id": "c", "text": "x", "content": {}}', "not both"),
    ('{"conversation_id": "c", "text": 1}', "text is not a string"),
    ('{"conversation_id": "c", "content": "x"}', "content is not a JSON object"),
    ('{"conversation_id": "c", "text": "x", "metadata": 1}', "metadata is not a JSON object"),
    ('{"conversation_id": "c", "text": "x", "key": true}', "key must be"),
    ('{"conversation_id": "c", "text": "x", "colour": 1}', "nothing uses 'colour'"),
    ('{"conversation_id": "c", "text": "\\ud800"}', "half of a surrogate pair"),
    ('{"conversation_id": "c", "content": {"text": "' + "x" * 100_001 + '"}}', "100,000 bytes"),
    ("x" * 2_000_000, "longer than 1,048,576 bytes"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_OBJECTS, ids=[t for _, t in BAD_OBJECTS])
def test_a_bad_object_of_json_lines_stops_it_too(
    commands: Commands, tmp_path: Path, line: str, complaint: str
) -> None:
    rows = csv_of(tmp_path, line, name="rows.jsonl")
    assert commands("send", rows) == 2
    assert complaint in commands.errors


def test_other_encodings_are_reported(commands: Commands, tmp_path: Path) -> None:
    for name, head in (("rows.csv", b"conversation_id,text\nc1,"), ("rows.jsonl", b'{"text":"')):
        (tmp_path / name).write_bytes(head + "Grüße".encode("latin-1") + b"\n")
        assert commands("send", tmp_path / name) == 2
        assert "it is not UTF-8" in commands.errors


def test_a_cell_that_is_not_json_is_reported(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "conversation_id,content", "c1,not json")
    assert commands("send", rows) == 2
    assert "content is not JSON" in commands.errors


def test_many_bad_rows_are_counted(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "conversation_id,text", *[",x"] * 25)
    assert commands("send", rows) == 2
    assert "25 of 25 rows" in commands.errors
    assert "and 5 more" in commands.errors


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("conversation_id,message", "a column 'text' or 'content'"),
        ("text", "the column 'conversation_id'"),
        ("", "it has none"),
        ('"a"b', "header cannot be read"),
    ],
)
def test_a_csv_must_name_its_columns(
    commands: Commands, tmp_path: Path, header: str, complaint: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(header, encoding="utf-8")
    assert commands("send", path) == 2
    assert complaint in commands.errors


def test_standard_input_is_sent_row_by_row(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, conversation = commands.talk()
    lines = [json.dumps({"conversation_id": conversation, "text": "fine"}), "{"]
    piped = SimpleNamespace(buffer=io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr(sys, "stdin", piped)
    assert commands("send", "-") == 1
    assert "1 sent, 1 failed" in commands.output
    assert "failed: line 2: it is not JSON" in commands.output
    assert commands.texts(conversation) == ["fine"]


def test_a_header_of_standard_input_that_cannot_be_used_is_a_usage_error(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"foo,bar\n1,2\n")))
    assert commands("send", "-", "--format", "csv") == 2
    assert "must name the column 'conversation_id'" in commands.errors


def test_a_missing_file_is_reported_in_one_line(commands: Commands, tmp_path: Path) -> None:
    assert commands("send", tmp_path / "none.csv") == 2
    assert "cannot be read: No such file" in commands.errors
    assert commands.errors.count("\n") == 1


def test_a_journal_of_another_job_is_rejected_before_anything_is_sent(
    commands: Commands, tmp_path: Path
) -> None:
    _, conversation = commands.talk()
    journal = tmp_path / "j.sqlite"
    for name, code in (("a.csv", 0), ("b.csv", 3)):
        rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},x", name=name)
        assert commands("send", rows, "--journal", journal) == code
    assert "belongs to another job, 'send a.csv to app app_demo'" in commands.errors
    assert commands.errors.count("\n") == 1
    assert "Pass the name with --job" in commands.errors
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},x", name="b.csv")
    job = "send a.csv to app app_demo"
    assert commands("send", rows, "--journal", journal, "--job", job) == 0
    assert "0 sent, 1 done before" in commands.output


HEADERS = [
    ("conversation_id,text,text", "The column 'text' is there more than once"),
    ("conversation_id;text;text", "The column 'text' is there more than once"),
    ("conversation_id,text,colour", "nothing uses 'colour'"),
    ("conversation_id,text,\0", "NUL characters"),
]


@pytest.mark.parametrize(("header", "complaint"), HEADERS, ids=[text for _, text in HEADERS])
def test_columns_that_are_repeated_or_unused_are_rejected(
    commands: Commands, tmp_path: Path, header: str, complaint: str
) -> None:
    _, conversation = commands.talk()
    rows = csv_of(tmp_path, header, header.replace("conversation_id", conversation))
    assert commands("send", rows) == 2
    assert complaint in commands.errors
    assert commands.texts(conversation) == []


def test_unused_columns_can_be_ignored(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    rows = csv_of(tmp_path, "conversation_id,text,colour", f"{conversation},x,red")
    assert commands("send", rows, "--ignore-columns") == 0
    assert commands.texts(conversation) == ["x"]


JSON_VALUES = [
    ('{"conversation_id": "c", "text": "a", "text": "b"}', "'text' is there more than once"),
    ('{"conversation_id": "c", "text": "a", "metadata": {"n": NaN}}', "NaN is not a JSON value"),
    ('{"conversation_id": "c", "text": "a", "metadata": {"n": "\\ud83d"}}', "surrogate pair"),
    ('{"conversation_id": "c", "content": {"a": ["\\ud83d"]}}', "surrogate pair"),
    ('{"conversation_id": "c", "text": "a\\u0000"}', "NUL character"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(
    ("line", "reason"), JSON_VALUES, ids=[line[:60] for line, _ in JSON_VALUES]
)
def test_json_that_the_api_would_change_is_rejected_with_the_true_reason(
    commands: Commands, tmp_path: Path, line: str, reason: str
) -> None:
    rows = csv_of(tmp_path, line, name="rows.jsonl")
    assert commands("send", rows) == 2
    assert "line 1: " in commands.errors
    assert reason in commands.errors


@pytest.mark.parametrize(
    ("cell", "reason"), [("NaN", "NaN is not JSON"), ('{"a":"\\ud83d"}', "half of")]
)
def test_json_in_a_cell_is_checked_as_well(
    commands: Commands, tmp_path: Path, cell: str, reason: str
) -> None:
    quoted = cell.replace('"', '""')
    rows = csv_of(tmp_path, "conversation_id,text,metadata", f'c1,x,"{quoted}"')
    assert commands("send", rows) == 2
    assert reason in commands.errors


def test_semicolons_and_tabs_separate_columns(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    for separator in ";\t":
        text = f"a, b{ord(separator)}"
        rows = csv_of(
            tmp_path, f"conversation_id{separator}text", f"{conversation}{separator}{text}"
        )
        assert commands("send", rows) == 0
    assert commands.texts(conversation) == ["a, b59", "a, b9"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_with_a_byte_order_mark_is_read(
    commands: Commands, tmp_path: Path, encoding: str
) -> None:
    _, conversation = commands.talk()
    mark = "" if encoding == "utf-16" else "\ufeff"
    path = tmp_path / "rows.csv"
    path.write_bytes(f"{mark}conversation_id,text\r\n{conversation},Grüße\r\n".encode(encoding))
    assert commands("send", path) == 0
    assert commands.texts(conversation) == ["Grüße"]
    path.write_bytes(path.read_bytes() + b"x")
    assert commands("send", path) == 2
    assert "it is not UTF-16" in commands.errors


def test_utf_16_without_a_byte_order_mark_is_named(commands: Commands, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes('{"text": "x"}'.encode("utf-16-le"))
    assert commands("send", path) == 2
    assert "is it UTF-16 without a byte order mark?" in commands.errors


def test_a_file_of_empty_lines_is_read(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "", "", name="rows.jsonl")
    assert commands("send", rows, "--dry-run") == 0
    assert "0 messages could be sent" in commands.output


def test_placeholders_are_replaced_by_columns(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    row = f"{conversation},Hello {{first name}}! {{{{code}}}} {{ {{}} {{9}},Ada"
    rows = csv_of(tmp_path, "conversation_id,text,first name", row)
    assert commands("send", rows) == 0
    assert commands.texts(conversation) == ["Hello Ada! {code} { {} {9}"]


@pytest.mark.parametrize("value", ["", "x"])
def test_a_placeholder_without_a_value_is_an_error(
    commands: Commands, tmp_path: Path, value: str
) -> None:
    name = "name" if not value else "other"
    rows = csv_of(tmp_path, f"conversation_id,text,{name}", f"c1,Hello {{name}},{value}")
    assert commands("send", rows) == 2
    assert "{name} has no value" in commands.errors


def test_a_template_is_the_message_of_all_rows(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    template = csv_of(tmp_path, "Hello {name},", "you owe {sum}.", name="message.txt")
    row = {"conversation_id": conversation, "name": "Ada", "sum": 3}
    rows = csv_of(tmp_path, json.dumps(row), name="rows.jsonl")
    assert commands("send", rows, "--template", template) == 0
    assert commands.texts(conversation) == ["Hello Ada,\nyou owe 3."]
    rows = csv_of(tmp_path, json.dumps(row | {"text": "x"}), name="rows.jsonl")
    assert commands("send", rows, "--template", template) == 2
    assert "it has a message of its own" in commands.errors


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_whatsapp_template_is_sent_with_its_schema(
    commands: Commands,
    tmp_path: Path,
    wrapped: bool,  # noqa: FBT001 - a parameter
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inner = {
        "name": "offer",
        "language": {"code": "en"},
        "components": [{"text": "{name}", "n": 1}],
    }
    document = {"type": "template", "template": inner} if wrapped else inner
    template = csv_of(tmp_path, json.dumps(document), name="offer.json")
    rows = csv_of(tmp_path, "conversation_id,name", "c1,Ada")
    requests = responding(monkeypatch, {"messages": []}, {"messages": [{"id": "m1"}]})
    assert commands("send", rows, "--template", template) == 0
    assert isinstance(requests[1].content, bytes)
    body = json.loads(requests[1].content)
    assert body["schema"] == "whatsapp"
    assert body["content"]["template"]["components"] == [{"text": "Ada", "n": 1}]


def test_content_in_the_form_of_the_api_can_be_a_template(
    commands: Commands, tmp_path: Path
) -> None:
    _, conversation = commands.talk()
    content = {"type": "text", "text": "Hi {name}"}
    template = csv_of(tmp_path, json.dumps(content), name="hi.json")
    rows = csv_of(tmp_path, "conversation_id,name", f"{conversation},Ada")
    assert commands("send", rows, "--template", template) == 0
    assert commands.texts(conversation) == ["Hi Ada"]


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("t.json", b"{", "t.json is not JSON"),
        ("t.json", b"[]", "must hold a JSON object"),
        ("t.json", b'{"a": "\\ud83d"}', "half of a surrogate pair"),
        ("t.txt", b"\xff", "t.txt is not UTF-8"),
        ("none.txt", None, "none.txt cannot be read"),
    ],
)
def test_a_template_that_cannot_be_used_is_reported(
    commands: Commands, tmp_path: Path, name: str, content: bytes | None, complaint: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    rows = csv_of(tmp_path, "conversation_id", "c1")
    assert commands("send", rows, "--template", tmp_path / name) == 2
    assert complaint in commands.errors


def test_a_preview_shows_the_first_messages_and_sends_nothing(
    commands: Commands, tmp_path: Path
) -> None:
    _, conversation = commands.talk()
    lines = [f"{conversation},Hello {{name}},Ada", f"{conversation},Hello {{name}},", "c2,x,y"]
    rows = csv_of(tmp_path, "conversation_id,text,name", *lines)
    assert commands("send", rows, "--preview", "2") == 0
    assert commands.output == (
        f"line 2 to {conversation}:\n  Hello Ada\n"
        "line 3: cannot be sent: {name} has no value: there is no such column, or it is empty\n"
        "Nothing was sent.\n"
    )
    assert commands.texts(conversation) == []
    objects = csv_of(tmp_path, '{"conversation_id": "c", "content": {"type": "x"}}', name="r.jsonl")
    assert commands("send", objects, "--preview", "1") == 0
    assert '  {\n    "type": "x"\n  }\n' in commands.output


def test_rows_of_standard_input_with_unused_fields_are_rejected(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, conversation = commands.talk()
    row = {"conversation_id": conversation, "text": "fine", "colour": 1}
    for options, code in (([], 1), (["--dry-run"], 2), (["--ignore-columns"], 0)):
        piped = SimpleNamespace(buffer=io.BytesIO(json.dumps(row).encode()))
        monkeypatch.setattr(sys, "stdin", piped)
        assert commands("send", "-", *options) == code
    assert commands.texts(conversation) == ["fine"]


def test_a_repeated_row_of_standard_input_is_reported(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = '{"conversation_id": "c1", "text": "x"}\n'
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(2 * line.encode())))
    assert commands("send", "-", "--dry-run") == 2
    assert "line 2: it repeats an earlier line" in commands.errors


def test_a_journal_that_cannot_be_written_any_more_leaves_the_job_incomplete(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, conversation = commands.talk()

    async def fail(*_: object) -> None:
        raise StorageError("The disk is full.")

    monkeypatch.setattr("sunco.bulk.SQLiteJournal.record", fail)
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},x")
    assert commands("send", rows, "--journal", tmp_path / "j.sqlite") == 1
    assert commands.errors == "sunco: The disk is full.\n"


def test_a_journal_that_cannot_be_opened_is_a_matter_of_settings(
    commands: Commands, tmp_path: Path
) -> None:
    rows = csv_of(tmp_path, "conversation_id,text", "c1,x")
    assert commands("send", rows, "--journal", tmp_path / "none" / "j.sqlite") == 3


def test_an_interruption_prints_counts_and_how_to_resume(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, conversation = commands.talk()
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},a", f"{conversation},b")
    post_once = Messages.post_once

    async def interrupt(self: Messages, *args: Any, **options: Any) -> Any:
        if args[1] == "b":
            os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()
        return await post_once(self, *args, **options)

    monkeypatch.setattr(Messages, "post_once", interrupt)
    for journal, advice in (
        ([], "messages that were sent are not sent twice"),
        (["--journal", tmp_path / "j.sqlite"], "Run the same command again to resume."),
    ):
        assert commands("send", rows, "--concurrency", "1", *journal) == 130
        assert "1 done. " in commands.errors
        assert advice in commands.errors
        assert commands.errors.endswith("sunco: Interrupted.\n")


def test_a_repeated_row_is_named_among_other_problems(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "conversation_id,text", "c1,x", ",y", "c1,x", "c1,x")
    assert commands("send", rows) == 2
    assert "line 3: conversation_id is missing" in commands.errors
    assert "line 4: it repeats line 2" in commands.errors
    assert "line 5: it repeats line 2" in commands.errors
