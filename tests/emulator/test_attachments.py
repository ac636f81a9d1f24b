from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sunco.emulator.http.bodies import UPLOAD_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .api import JSON, Api

pytestmark = pytest.mark.anyio

PNG = ("my file.png", b"not really", "image/png")


async def upload(
    api: Api, file: Any = PNG, params: dict[str, str] | None = None, *, status: int = 201
) -> JSON:
    response = await api.http.post(
        "attachments", params={"access": "public", **(params or {})}, files={"source": file}
    )
    assert response.status_code == status, response.text
    document: JSON = response.json()
    return document


async def test_an_uploaded_file_is_served(api: Api) -> None:
    attachment = (await upload(api))["attachment"]
    assert attachment["mediaType"] == "image/png"
    assert attachment["mediaUrl"].endswith("/my%20file.png")
    served = await api.http.get(attachment["mediaUrl"], auth=None)
    assert (served.content, served.headers["content-type"]) == (b"not really", "image/png")
    assert served.headers["content-security-policy"] == "sandbox"
    for other in ("/another.png", "/"):
        missing = await api.http.get(attachment["mediaUrl"].rpartition("/")[0] + other)
        assert missing.status_code == 404


@pytest.mark.parametrize(
    ("name", "served"), [("a\\b/c.png", "c.png"), ("dir/", "file"), ("a%2Fb", "a%252Fb")]
)
async def test_the_name_of_a_file_is_its_last_part(api: Api, name: str, served: str) -> None:
    attachment = (await upload(api, (name, b"x", "text/plain")))["attachment"]
    assert attachment["mediaUrl"].endswith(f"/{served}")
    assert (await api.http.get(attachment["mediaUrl"])).content == b"x"


async def test_a_removed_file_is_gone(api: Api) -> None:
    body = {"mediaUrl": (await upload(api))["attachment"]["mediaUrl"]}
    assert await api.call("POST", "attachments/remove", body) == {}
    assert (await api.http.get(body["mediaUrl"])).status_code == 404
    assert await api.rejected(404, "POST", "attachments/remove", body) == (
        "not_found",
        "Attachment not found",
    )


@pytest.mark.parametrize("url", ["https://badhost.com/image.png", "http://[", ""])
async def test_what_was_not_uploaded_here_cannot_be_removed(api: Api, url: str) -> None:
    problems = await api.problems("POST", "attachments/remove", {"mediaUrl": url})
    assert problems == [f"Unsupported media URL for attachment deletion: {url}"]


async def test_the_file_of_another_app_is_not_found(api: Api) -> None:
    body = {"displayName": "Other"}
    other = (await api.account.call("POST", "http://emulator/v2/apps", body, status=201))["app"]
    url = (await upload(api))["attachment"]["mediaUrl"]
    path = f"http://emulator/v2/apps/{other['id']}/attachments/remove"
    code, _ = await api.account.rejected(404, "POST", path, {"mediaUrl": url})
    assert code == "not_found"
    mine = (await upload(api.account))["attachment"]["mediaUrl"]
    await api.account.call("DELETE", f"http://emulator/v2/apps/{api.emulator.app_id}")
    assert (await api.http.get(mine)).status_code == 404


@pytest.mark.parametrize(
    ("params", "title"),
    [
        ({"access": "private"}, "access must be public"),
        ({"for": "user"}, "for must be message"),
        ({"conversationId": "none"}, "Conversation not found"),
    ],
)
async def test_what_an_upload_is_for(api: Api, params: dict[str, str], title: str) -> None:
    status = 404 if "conversationId" in params else 400
    (error,) = (await upload(api, PNG, params, status=status))["errors"]
    assert error["title"] == title


async def test_the_access_must_be_said(api: Api) -> None:
    response = await api.http.post("attachments", files={"source": PNG})
    assert response.status_code == 400


@pytest.mark.parametrize("how", ["message", "all", "conversation", "user"])
async def test_files_for_messages_go_with_them(api: Api, how: str) -> None:
    ann = await api.user()
    conversation = await api.personal(ann)
    other = await api.personal(ann)
    files = [
        (await upload(api, PNG, {"for": "message", "conversationId": other["id"]}))["attachment"],
        (await upload(api, PNG, {"for": "message"}))["attachment"],
        (await upload(api))["attachment"],
    ]
    urls = [file["mediaUrl"] for file in files]
    actions = [{"type": "link", "text": "a", "uri": "https://e.org"}]
    items = [{"title": "a", "mediaUrl": url, "actions": actions} for url in urls[1:]]
    carousel = await api.post(other, {"type": "carousel", "items": items})
    image = await api.post(other, {"type": "image", "mediaUrl": urls[0]})
    await api.post(conversation, {"type": "image", "mediaUrl": "https://e.org/i.png"})
    path = f"conversations/{other['id']}"
    if how == "message":
        for message in (carousel, image):
            await api.call("DELETE", f"{path}/messages/{message['id']}")
    else:
        ends = {"all": f"{path}/messages", "conversation": path, "user": f"users/{ann['id']}"}
        await api.call("DELETE", ends[how])
    left = [(await api.http.get(url)).status_code for url in urls]
    assert left == [404, 404, 200]


@pytest.mark.parametrize(
    ("request_", "title"),
    [
        ({"files": {"other": PNG}}, "source is required"),
        ({"data": {"source": "text"}, "files": {"other": PNG}}, "source is required"),
        ({"files": {"source": ("a", b"")}}, "source is required"),
        ({"json": {}}, "The content-type must be multipart/form-data"),
        (
            {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
            "The request body is not a valid form",
        ),
        (
            {"content": b"xx", "headers": {"content-type": "multipart/form-data; boundary=a"}},
            "The request body is not a valid form",
        ),
        (
            {"files": [("source", PNG), ("source", PNG)]},
            "The request body is not a valid form",
        ),
    ],
)
async def test_an_upload_is_a_form_with_a_file(api: Api, request_: JSON, title: str) -> None:
    response = await api.http.post("attachments", params={"access": "public"}, **request_)
    assert response.status_code == 400
    assert [error["title"] for error in response.json()["errors"]] == [title]


@pytest.mark.parametrize(("size", "status"), [(0, 201), (1, 413), (1024 * 1024, 413)])
async def test_a_file_has_fifty_megabytes_at_most(api: Api, size: int, status: int) -> None:
    chunk = b"x" * 65536
    head = b'--b\r\ncontent-disposition: form-data; name="source"; filename="f"\r\n\r\n'

    async def body() -> AsyncIterator[bytes]:
        yield head
        for _ in range(UPLOAD_BYTES // len(chunk)):
            yield chunk
        yield b"x" * size
        yield b"\r\n--b--\r\n"

    response = await api.http.post(
        "attachments",
        params={"access": "public"},
        content=body(),
        headers={"content-type": "multipart/form-data; boundary=b"},
    )
    assert response.status_code == status
    if status == 201:
        attachment = response.json()["attachment"]
        assert attachment["mediaType"] == "application/octet-stream"
        served = await api.http.get(attachment["mediaUrl"])
        assert len(served.content) == UPLOAD_BYTES
