"""Any message of either platform's schema becomes text that a person would recognise, and raises nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from adapters.common.quotes import Content, outside_code
from adapters.discord import reader as discord
from adapters.slack import reader as slack
from bot.errors import Refused
from bot.text import TextCleaner, clean_text
from tests.support.schema_strategies import MARKS, WORD, from_sample, from_schema, texts

# a message has hundreds of parts: one that fails is shown as it is, since making it smaller takes minutes
LARGE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.large_base_example]
UNCLEAN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
DISCORD_MARKS = re.compile(r"(?<!\\)<(@[!&]?\d+|#\d+|a?:\w+:\d+|t:17\d+(:R)?)>")
DISCORD_NAMES = discord.DiscordNames({1576: "bob"}, {3: "cooks"}, {157: "hall"})
SLACK_NAMES = slack.SlackNames({"U9": "ann"}, {"C1": "hall"})


def check_readable(content: Content) -> str:
    """Check what every message must become; return all its text."""
    shown = f"{content.text}\n{content.context}"
    assert not UNCLEAN.search(shown)
    if content.is_empty and content.unread:
        with pytest.raises(Refused):
            content.require_readable()
    else:
        content.require_readable()
    return shown


def has_text(raw: Mapping[str, Any]) -> bool:
    """Return whether a message of Discord's holds a text anywhere that people see."""
    embeds = [e.get(key) for e in raw.get("embeds") or () for key in ("title", "description", "fields")]
    inner = [s.get("message") or {} for s in raw.get("message_snapshots") or ()]
    return bool(raw.get("content")) or any(embeds) or any(map(has_text, inner))


def test_any_message_of_discord_is_read(reference: Path) -> None:
    schemas = json.loads((reference / "specs" / "discord-openapi.json").read_text("utf-8"))["components"]["schemas"]

    @settings(suppress_health_check=LARGE, phases=[Phase.generate])
    @given(from_schema(schemas, schemas["MessageResponse"]))
    def check(raw: dict[str, Any]) -> None:
        content = discord.read_raw(raw, DISCORD_NAMES)
        shown = check_readable(content)
        assert not DISCORD_MARKS.search(content.text) or "`" in content.text  # names of files are as they are
        if has_text(raw):
            assert WORD in shown
        quoted = discord.quote_raw(raw, DISCORD_NAMES)
        assert quoted.is_empty == content.is_empty
        discord.find_mentions(discord.message_texts(raw))

    check()


def test_any_message_of_slack_is_read(reference: Path) -> None:
    path = reference / "specs" / "slack" / "samples" / "MessagePayload.json"
    sample = json.loads(path.read_text("utf-8"))["event"]

    @settings(suppress_health_check=LARGE, phases=[Phase.generate])
    @given(from_sample(sample))
    def check(raw: dict[str, Any]) -> None:
        shown = check_readable(slack.read_event(raw, SLACK_NAMES))
        if raw.get("text"):
            assert WORD in shown
            assert "<@U9>" not in slack.read_mrkdwn(raw["text"], SLACK_NAMES)
        slack.find_unnamed(slack.shown_texts(raw))

    check()


@given(texts())
def test_any_typed_text_is_read(text: str) -> None:
    for read in (
        discord.read_content(text, DISCORD_NAMES),
        slack.read_mrkdwn(text, SLACK_NAMES),
        slack.read_typed(text, SLACK_NAMES),
    ):
        assert WORD in read
        assert not UNCLEAN.search(read)


SEEN = [
    (discord, "<@1576> <@!1576> <@7>", "@bob @bob @unknown-user"),
    (discord, "<@&3> <#157> <#9> <a:dance:4>", "@cooks #hall #unknown :dance:"),
    (discord, "<t:1700000000:t> <t:1700000000:F>", "22:13 UTC Tuesday, 14 November 2023, 22:13 UTC"),
    (discord, "<t:1700000000> <t:99999999999999:R>", "14 November 2023, 22:13 UTC <t:99999999999999:R>"),
    (discord, "</moot runs:5> <id:guide> \\<@1576>", "/moot runs Server Guide \\<@1576>"),
    (discord, "`<@1576>` ``<@1576>`` `<@1576>", "`<@1576>` ``<@1576>`` `@bob"),
    (discord, "```\n<@1576>\n``` <@1576>", "```\n<@1576>\n``` @bob"),
    (
        discord,
        "[our policy](https://wiki.example) <https://a.example>",
        "[our policy](https://wiki.example) <https://a.example>",
    ),
    (discord, "a < b > c, x<y>", "a < b > c, x<y>"),
    (slack, "<@U9> <@U7> <@U7|cyd>", "@ann @unknown @cyd"),
    (slack, "<#C1> <#C2|> <#C2|talk>", "#hall #private-channel #talk"),
    (slack, "<https://wiki.example|our policy>", "our policy (https://wiki.example)"),
    (slack, "<https://a.example/|a.example> <https://a.example>", "https://a.example/ https://a.example"),
    (slack, "<mailto:a@b.example|a@b.example> <tel:+1|call me>", "a@b.example call me (tel:+1)"),
    (slack, "<!subteam^S1|@cooks> <!subteam^S1> <!channel>", "@cooks @a user group @channel"),
    (slack, "<!date^1700000000^{date}> <!date^1^x|then>", "14 November 2023, 22:13 UTC then"),
    (slack, "<!date^-5^x> <!date^soon^x>", "31 December 1969, 23:59 UTC a date"),
    (slack, "a &lt;b&gt; &amp;amp; <b c>", "a <b> &amp; <b c>"),
]


@pytest.mark.parametrize(("platform", "sent", "seen"), SEEN, ids=[sent for _, sent, _ in SEEN])
def test_what_people_saw_is_what_is_read(platform: Any, sent: str, seen: str) -> None:
    read = discord.read_content(sent, DISCORD_NAMES) if platform is discord else slack.read_mrkdwn(sent, SLACK_NAMES)
    assert read == seen


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def words(text: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": text, "style": style}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"blocks": [{"type": "rich_text", "elements": list(elements)}]}


def listed(text: str, **more: Any) -> dict[str, Any]:
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(words(text))], **more}


def forwarded(**message: Any) -> dict[str, Any]:
    return {"content": "", "message_snapshots": [{"message": {"content": "", **message}}]}


TEA = {"question": {"text": "Which?"}, "answers": [{"answer_id": 1, "poll_media": {"emoji": {"name": "🍵"}}}]}
CELLS = [{"type": "raw_text", "text": "a"}, {"type": "rich_text", "elements": [section(words("b"))]}]
PREVIEW = {"title": "T", "text": "D", "image_url": "https://i.example/1.png"}
CARRIED: dict[str, tuple[Any, dict[str, Any], str, tuple[str, ...]]] = {  # a message, what is read, what is not
    "a poll of emoji": (discord, {"poll": TEA}, "Poll: Which?\n- 🍵", ()),
    "a forwarded poll": (discord, forwarded(poll=TEA), "Forwarded message:\nPoll: Which?\n- 🍵", ()),
    "a forwarded sticker": (discord, forwarded(sticker_items=[{"name": "Wave"}]), "", ("a sticker (“Wave”)",)),
    "a forward of a forward": (
        discord,
        forwarded(**forwarded(content="deep")),
        "Forwarded message:\nForwarded message:\ndeep",
        (),
    ),
    "a thumbnail alone": (discord, {"embeds": [{"thumbnail": {"url": "x"}}]}, "", ("a picture in an embed",)),
    "a preview's thumbnail": (discord, {"embeds": [{"title": "T", "thumbnail": {"url": "x"}}]}, "T", ()),
    "a gallery": (discord, {"components": [{"type": 12, "items": []}]}, "", ("pictures or files in its layout",)),
    "words beside a button": (
        discord,
        {"components": [{"type": 9, "components": [{"type": 10, "content": "Hi"}], "accessory": {"type": 2}}]},
        "Hi",
        (),
    ),
    "words that are struck out": (
        slack,
        rich(section(words("tabs", strike=True), words(" spaces ", bold=True))),
        "~tabs~ *spaces*",
        (),
    ),
    "a list in a list": (slack, rich(listed("a"), listed("b", indent=1)), "• a\n    • b", ()),
    "a list that goes on": (slack, rich(listed("c", style="ordered", offset=2)), "3. c", ()),
    "a quote of two lines": (slack, rich({"type": "rich_text_quote", "elements": [words("a\nb")]}), "> a\n> b", ()),
    "a table": (slack, {"blocks": [{"type": "table", "rows": [CELLS, CELLS]}]}, "a | b\na | b", ()),
    "a picture": (slack, {"blocks": [{"type": "image", "alt_text": "A cat"}]}, "", ("a picture in a block (“A cat”)",)),
    "a preview with a picture": (
        slack,
        {"text": "see", "attachments": [PREVIEW]},
        "see\n\nT\nD\n\n[It came with a picture in an attachment.]",
        (),
    ),
    "a preview of a picture": (slack, {"attachments": [{"image_url": "x"}]}, "", ("a picture in an attachment",)),
    "nothing where parts belong": (
        slack,
        {"text": "x", "attachments": [None], "blocks": "y", "files": [None]},
        "x",
        (),
    ),
}


@pytest.mark.parametrize(("platform", "raw", "read", "unread"), CARRIED.values(), ids=CARRIED)
def test_what_a_message_carries_is_read_or_named(
    platform: Any, raw: dict[str, Any], read: str, unread: tuple[str, ...]
) -> None:
    content = discord.read_raw(raw, DISCORD_NAMES) if platform is discord else slack.read_event(raw, SLACK_NAMES)
    assert "\n\n".join(filter(None, (content.text, content.context))) == read
    assert content.unread == unread


@given(st.lists(st.sampled_from(["`", "``", "```", "a", " ", "\n"])).map("".join))
def test_code_and_the_rest_are_all_of_a_text(text: str) -> None:
    assert outside_code(text, str) == text


CLEANED = [
    ("a\0b\x1b[31m", "ab[31m"),
    ("\ud83d\ude00", "😀"),
    ("\ud83d!", "\ufffd!"),
    ("!\ude00", "!\ufffd"),
    ("a\tb\r\n", "a\tb\r\n"),
]


@pytest.mark.parametrize(("sent", "clean"), CLEANED)
def test_text_is_cleaned(sent: str, clean: str) -> None:
    assert clean_text(sent) == clean


@given(st.lists(st.sampled_from([*MARKS, "\ud83d", "\ude00", "a"])))
def test_text_in_pieces_is_cleaned_as_a_whole(pieces: list[str]) -> None:
    cleaner = TextCleaner()
    assert "".join(_feed(cleaner, pieces)) == clean_text("".join(pieces))


def _feed(cleaner: TextCleaner, pieces: list[str]) -> Iterator[str]:
    for piece in pieces:
        yield cleaner.feed(piece)
    yield cleaner.flush()
