from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from support.scripted import ScriptedTransport, response, scripted, urls

from sunco import ConfigurationError, Page, PaginationError, Sunco
from sunco.models import Conversation, Message

pytestmark = pytest.mark.anyio


def page(
    key: str, ids: Sequence[str], *, more: bool | None = None, links: Any = None, **cursors: str
) -> Any:
    """A page; `more=None` leaves `meta` out, as real responses sometimes do."""
    document: dict[str, Any] = {key: [{"id": each} for each in ids]}
    if more is not None:
        document["meta"] = {"hasMore": more, **cursors}
    if links is not None:
        document["links"] = links
    return response(document)


def conversations(*script: Any) -> tuple[Sunco, ScriptedTransport]:
    return scripted(*script)


def ids(items: Sequence[Conversation] | Sequence[Message]) -> list[str]:
    return [item.id for item in items]


THREE = [
    page("conversations", ["a", "b"], more=True, afterCursor="b"),
    page("conversations", ["c", "d"], more=True, afterCursor="d", beforeCursor="c"),
    page("conversations", ["e"], more=False, beforeCursor="e"),
]


async def test_a_walk_forwards() -> None:
    sunco, transport = scripted(*THREE)
    walk = sunco.conversations.list(user_id="u", page_size=2)
    assert transport.requests == []
    assert [item.id async for item in walk] == ["a", "b", "c", "d", "e"]
    start = "/v2/apps/app1/conversations?page%5B"
    rest = "size%5D=2&filter%5BuserId%5D=u"
    assert urls(transport.requests) == [
        f"{start}{rest}",
        f"{start}after%5D=b&page%5B{rest}",
        f"{start}after%5D=d&page%5B{rest}",
    ]


async def test_pages_and_the_first_page() -> None:
    sunco, _ = scripted(*THREE, THREE[0])
    walk = sunco.conversations.list(user_id="u")
    assert [ids(each) async for each in walk.pages()] == [["a", "b"], ["c", "d"], ["e"]]
    first = await walk
    assert isinstance(first, Page)
    assert (first.has_more, first.after_cursor, first.before_cursor) == (True, "b", None)
    assert len(first) == 2
    assert first[0] == Conversation(id="a")
    assert ids(first[1:]) == ["b"]
    assert Conversation(id="b") in first
    assert repr(first) == "<Page of 2 items, has_more=True>"


async def test_next_page_can_be_asked_for_twice() -> None:
    sunco, _ = scripted(THREE[0], THREE[1], THREE[1], THREE[2])
    first = await sunco.conversations.list(user_id="u")
    again = await first.next_page()
    second = await first.next_page()
    assert again is not None
    assert second is not None
    assert ids(again) == ids(second) == ["c", "d"]
    third = await second.next_page()
    assert third is not None
    assert ids(third) == ["e"]
    assert await third.next_page() is None


async def test_a_walk_that_begins_backwards_goes_on_backwards() -> None:
    sunco, transport = scripted(
        page("conversations", ["c", "d"], more=True, beforeCursor="c", afterCursor="d"),
        page("conversations", ["a", "b"], more=False, afterCursor="b"),
    )
    walk = sunco.conversations.list(user_id="u", before="e")
    assert [item.id async for item in walk] == ["d", "c", "b", "a"]
    assert [url.partition("?")[2][:23] for url in urls(transport.requests)] == [
        "page%5Bbefore%5D=e&filt",
        "page%5Bbefore%5D=c&filt",
    ]


async def test_messages_come_newest_first_and_pages_keep_their_order() -> None:
    script = [
        page("messages", ["m4", "m5"], more=True, beforeCursor="m4"),
        page("messages", ["m2", "m3"], more=True, beforeCursor="m2", afterCursor="m3"),
        page("messages", ["m1"], more=False, afterCursor="m1"),
    ]
    sunco, transport = scripted(*script, *script)
    walk = sunco.messages.list("c")
    assert [item.id async for item in walk] == ["m5", "m4", "m3", "m2", "m1"]
    assert [ids(each) async for each in walk.pages()] == [["m4", "m5"], ["m2", "m3"], ["m1"]]
    one_walk = [
        "/v2/apps/app1/conversations/c/messages",
        "/v2/apps/app1/conversations/c/messages?page%5Bbefore%5D=m4",
        "/v2/apps/app1/conversations/c/messages?page%5Bbefore%5D=m2",
    ]
    assert urls(transport.requests) == one_walk * 2


async def test_messages_after_a_cursor_come_oldest_first() -> None:
    sunco, transport = scripted(
        page("messages", ["m2", "m3"], more=True, afterCursor="m3", beforeCursor="m2"),
        page("messages", ["m4"], more=False, beforeCursor="m4"),
    )
    walk = sunco.messages.list("c", after="m1")
    assert [item.id async for item in walk] == ["m2", "m3", "m4"]
    assert urls(transport.requests)[1].endswith("?page%5Bafter%5D=m3")


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (["10:00", "11:00", "12:00"], ["3", "2", "1"]),
        (["12:00", "11:00", "10:00"], ["1", "2", "3"]),
        (["10:00", "10:00", "10:00"], ["3", "2", "1"]),
        ([None, "12:00", "10:00"], ["1", "2", "3"]),
        ([None, None, None], ["3", "2", "1"]),
        ([None, "10:00", None], ["3", "2", "1"]),
    ],
)
async def test_a_page_whose_times_descend_is_taken_as_it_is(
    times: list[str | None], expected: list[str]
) -> None:
    messages = [
        {"id": str(number)} | ({"received": f"2026-01-01T{time}:00Z"} if time else {})
        for number, time in enumerate(times, 1)
    ]
    sunco, _ = scripted(response({"messages": messages}))
    sunco_again, _ = scripted(response({"messages": messages}))
    assert [item.id async for item in sunco.messages.list("c")] == expected
    assert ids((await sunco_again.messages.list("c")).newest_first()) == expected


async def test_collect() -> None:
    sunco, transport = scripted(*THREE)
    assert ids(await sunco.conversations.list(user_id="u").collect()) == ["a", "b", "c", "d", "e"]
    for limit, expected, requests in (
        (0, [], 0),
        (1, ["a"], 1),
        (2, ["a", "b"], 1),
        (3, ["a", "b", "c"], 2),
        (9, ["a", "b", "c", "d", "e"], 3),
    ):
        sunco, transport = scripted(*THREE)
        found = await sunco.conversations.list(user_id="u").collect(limit)
        assert (ids(found), len(transport.requests)) == (expected, requests)
    with pytest.raises(ConfigurationError, match="limit must be a whole number"):
        await sunco.conversations.list(user_id="u").collect(-1)


async def test_meta_may_be_absent_or_silent() -> None:
    silent: list[dict[str, Any]] = [{}, {"meta": None, "links": None}, {"meta": {}, "links": {}}]
    for document in silent:
        sunco, _ = scripted(response({"conversations": [{"id": "a"}], **document}))
        first = await sunco.conversations.list(user_id="u")
        assert (first.has_more, first.after_cursor, first.before_cursor) == (False, None, None)
        assert await first.next_page() is None


BROKEN_LINK = "http://[not-an-address/?page[after]=b"


async def test_a_link_that_is_not_a_url_ends_in_a_pagination_error_and_costs_no_item() -> None:
    sunco, transport = scripted(
        page("conversations", ["a"], links={"next": BROKEN_LINK, "prev": BROKEN_LINK})
    )
    walk = aiter(sunco.conversations.list(user_id="u"))
    assert (await anext(walk)).id == "a"
    with pytest.raises(PaginationError, match="gives no cursor"):
        await anext(walk)
    assert len(transport.requests) == 1


async def test_a_link_that_is_not_a_url_is_ignored_where_it_is_not_needed() -> None:
    sunco, _ = scripted(
        page("conversations", ["a"], more=False, links={"next": BROKEN_LINK}),
        page("conversations", ["a"], links={"prev": BROKEN_LINK}),
    )
    for _ in range(2):
        assert ids(await sunco.conversations.list(user_id="u").collect()) == ["a"]


async def test_a_cursor_of_the_api_that_no_url_can_carry_ends_in_a_pagination_error() -> None:
    sunco, transport = scripted(page("conversations", ["a"], more=True, afterCursor="half \ud83d"))
    with pytest.raises(PaginationError, match="no URL can carry"):
        await sunco.conversations.list(user_id="u").collect()
    assert len(transport.requests) == 1


async def test_pages_without_items_are_bounded() -> None:
    sunco, transport = scripted(
        *(page("conversations", [], more=True, afterCursor=str(number)) for number in range(100))
    )
    with pytest.raises(PaginationError, match="21 empty pages in a row"):
        await sunco.conversations.list(user_id="u").collect(10)
    assert len(transport.requests) == 21


async def test_only_empty_pages_in_a_row_are_counted() -> None:
    script = [
        page(
            "conversations",
            [] if number % 20 else [f"c{number}"],
            more=number < 99,
            afterCursor=str(number),
        )
        for number in range(100)
    ]
    sunco, _ = scripted(*script)
    found = await sunco.conversations.list(user_id="u").collect()
    assert ids(found) == ["c0", "c20", "c40", "c60", "c80"]


async def test_links_serve_where_meta_is_silent() -> None:
    more = {"next": "https://x.test/v2?page[size]=2&page%5Bafter%5D=b%26"}
    sunco, transport = scripted(
        page("conversations", ["a", "b"], links=more),
        page(
            "conversations", ["c"], links={"prev": "https://x.test/v2?page[before]=c", "next": "/"}
        ),
    )
    assert ids(await sunco.conversations.list(user_id="u").collect()) == ["a", "b", "c"]
    assert "page%5Bafter%5D=b%26&" in urls(transport.requests)[1]


async def test_has_more_speaks_of_the_direction_of_travel() -> None:
    sunco, _ = scripted(page("messages", ["m1"], more=False, afterCursor="m1"))
    assert ids(await sunco.messages.list("c", before="m2").collect()) == ["m1"]


async def test_an_empty_page_does_not_end_a_walk() -> None:
    sunco, _ = scripted(
        page("conversations", [], more=True, afterCursor="x"),
        page("conversations", ["a"], more=False),
    )
    assert ids(await sunco.conversations.list(user_id="u").collect()) == ["a"]


async def test_a_repeated_cursor_ends_the_walk() -> None:
    again = page("conversations", ["a"], more=True, afterCursor="a")
    sunco, transport = scripted(again, again, again)
    with pytest.raises(PaginationError, match="repeated the cursor 'a'"):
        await sunco.conversations.list(user_id="u").collect()
    assert len(transport.requests) == 2

    sunco, transport = scripted(again)
    with pytest.raises(PaginationError, match="repeated the cursor 'a'"):
        await sunco.conversations.list(user_id="u", after="a").collect()
    assert len(transport.requests) == 1


async def test_a_circle_of_cursors_ends_the_walk() -> None:
    circle = [
        page("conversations", ["a"], more=True, afterCursor="a"),
        page("conversations", ["b"], more=True, afterCursor="b"),
        page("conversations", ["c"], more=True, afterCursor="a"),
    ]
    sunco, transport = scripted(*circle)
    with pytest.raises(PaginationError):
        await sunco.conversations.list(user_id="u").collect()
    assert len(transport.requests) == 3

    sunco, transport = scripted(*circle)
    turned: Page[Conversation] | None = await sunco.conversations.list(user_id="u")
    for _ in range(2):
        assert turned is not None
        turned = await turned.next_page()
    assert turned is not None
    with pytest.raises(PaginationError):
        await turned.next_page()
    assert len(transport.requests) == 3


async def test_more_without_a_cursor_is_an_error_and_not_an_end() -> None:
    sunco, _ = scripted(page("conversations", ["a"], more=True))
    with pytest.raises(PaginationError, match="gives no cursor"):
        await sunco.conversations.list(user_id="u").collect()


@pytest.mark.parametrize("namespace", ["conversations", "participants", "messages", "clients"])
async def test_cursors_are_checked_before_anything_is_sent(namespace: str) -> None:
    sunco, transport = scripted()
    walk: Any = getattr(sunco, namespace).list
    ids: dict[str, Any] = {"user_id": "u"} if namespace == "conversations" else {}
    arguments = [] if namespace == "conversations" else ["x"]
    with pytest.raises(ConfigurationError, match="after or before, not both"):
        walk(*arguments, **ids, after="a", before="b")
    for wrong in ("", 5, b"a", "half \ud83d"):
        for name in ("after", "before"):
            with pytest.raises(ConfigurationError, match=f"{name} must be a cursor"):
                walk(*arguments, **ids, **{name: wrong})
    assert transport.requests == []


async def test_unsafe_ids_of_a_list_are_rejected_before_anything_is_sent() -> None:
    sunco, transport = scripted()
    with pytest.raises(ConfigurationError, match="conversation_id must not be empty"):
        await sunco.messages.list("")
    assert transport.requests == []
