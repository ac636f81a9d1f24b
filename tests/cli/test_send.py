"""`sunco send`, as a shell sees it."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from cli.conftest import Commands


def csv_of(tmp_path: Path, *lines: str, name: str = "rows.csv") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_each_row_is_sent_once_however_often_it_is_asked_for(
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
        "\ufeffconversation_id,content,key,metadata,note",
        f'{conversation},"{{""type"":""text"",""text"":""one""}}",k1,"{{""n"":1}}",',
        "",
    )
    assert commands("send", rows, "--format", "csv") == 0
    assert commands.texts(conversation) == ["one"]


def test_what_the_api_refuses_is_reported_by_its_line(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    lines = [f"gone,{number}" for number in range(25)]
    rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},fine", *lines)
    assert commands("send", rows, "--concurrency", "1") == 1
    assert "1 sent, 25 failed" in commands.output
    assert "failed: line 3: GET" in commands.output
    assert "responded 404 " in commands.output
    assert "and 5 more" in commands.output
    assert commands("send", rows, "--stop-after-failures", "2", "--concurrency", "1") == 1
    assert "stopped after so many failures" in commands.output


BAD_LINES = [
    ("c1,a,b", "it has 3 cells, the header 2"),
    ("c1", "it has 1 cells, the header 2"),
    (",text", "conversation_id is missing"),
    ("c1,", "one of text and content is needed"),
    ("c1,  ", "text is empty"),
    ("c1," + "x" * 4097, "text has 4,097 characters"),
    ('c1,"a"b', "it is no CSV"),
    ("c1," + "x" * 200_000, "it is no CSV: field larger than field limit"),
    ("c1," + "x" * 10_000_000, "longer than 1,048,576 bytes"),
    ("c1,twice\nc1,twice", "another row has the same key"),
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
    ("{", "it is no JSON"),
    ("[]", "it is no JSON object"),
    ('{"text": "x"}', "conversation_id is missing"),
    ('{"conversation_id": "c", "text": "x", "content": {}}', "and not both"),
    ('{"conversation_id": "c", "text": 1}', "text is empty"),
    ('{"conversation_id": "c", "content": "x"}', "content is no JSON object"),
    ('{"conversation_id": "c", "text": "x", "metadata": 1}', "metadata is no JSON object"),
    ('{"conversation_id": "c", "text": "x", "key": true}', "key must be"),
    ('{"conversation_id": "c", "text": "x", "colour": 1}', "'colour' is none of"),
    ('{"conversation_id": "c", "text": "\\ud800"}', "not UTF-8"),
    ('{"conversation_id": "c", "content": {"text": "' + "x" * 100_001 + '"}}', "100,000 bytes"),
    ("x" * 2_000_000, "longer than 1,048,576 bytes"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD_OBJECTS, ids=[t for _, t in BAD_OBJECTS])
def test_a_bad_object_does_so_too(
    commands: Commands, tmp_path: Path, line: str, complaint: str
) -> None:
    rows = csv_of(tmp_path, line, name="rows.jsonl")
    assert commands("send", rows) == 2
    assert f"line 1: {complaint}" in commands.errors or complaint in commands.errors


def test_other_encodings_are_told(commands: Commands, tmp_path: Path) -> None:
    for name, head in (("rows.csv", b"conversation_id,text\nc1,"), ("rows.jsonl", b'{"text":"')):
        (tmp_path / name).write_bytes(head + "Grüße".encode("latin-1") + b"\n")
        assert commands("send", tmp_path / name) == 2
        assert "it is not UTF-8" in commands.errors


def test_columns_in_json_are_no_json(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "conversation_id,content", "c1,not json")
    assert commands("send", rows) == 2
    assert "content is no JSON" in commands.errors


def test_many_bad_rows_are_counted(commands: Commands, tmp_path: Path) -> None:
    rows = csv_of(tmp_path, "conversation_id,text", *[",x"] * 25)
    assert commands("send", rows) == 2
    assert "25 of 25 rows" in commands.errors
    assert "and 5 more" in commands.errors


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("conversation_id,message", "'text' or 'content' among them"),
        ("text", "'text' or 'content' among them"),
        ("", "it names none"),
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


def test_standard_input_is_sent_as_it_comes(
    commands: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, conversation = commands.talk()
    lines = [json.dumps({"conversation_id": conversation, "text": "fine"}), "{"]
    piped = SimpleNamespace(buffer=io.BytesIO("\n".join(lines).encode()))
    monkeypatch.setattr(sys, "stdin", piped)
    assert commands("send", "-") == 1
    assert "1 sent, 1 failed" in commands.output
    assert "line 2: it is no JSON" in commands.output
    assert commands.texts(conversation) == ["fine"]


def test_a_file_that_is_not_there(commands: Commands, tmp_path: Path) -> None:
    assert commands("send", tmp_path / "none.csv") == 2
    assert "cannot be read: No such file" in commands.errors
    assert commands.errors.count("\n") == 1


def test_a_journal_of_another_file_is_refused(commands: Commands, tmp_path: Path) -> None:
    _, conversation = commands.talk()
    journal = tmp_path / "j.sqlite"
    for name, code in (("a.csv", 0), ("b.csv", 1)):
        rows = csv_of(tmp_path, "conversation_id,text", f"{conversation},x", name=name)
        assert commands("send", rows, "--journal", journal) == code
    assert "belongs to another job, 'send a.csv to app app_demo'" in commands.errors
    assert commands.errors.count("\n") == 1
