"""Block Kit's limits, and the mentions in a message that ping people.

Limits: https://docs.slack.dev/reference/block-kit and the error codes of chat.postMessage.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

BLOCKS_A_MESSAGE = 50
BLOCKS_A_VIEW = 100
# for all blocks of a message together; not documented, but people report msg_blocks_too_long above this
CHARACTERS_A_MESSAGE = 13_200
LONGEST = {"section": 3_000, "header": 150, "markdown": 12_000, "button": 75, "context": 3_000}
TABLE_ROWS, TABLE_COLUMNS, DATA_TABLE_ROWS, DATA_TABLE_CHARACTERS = 100, 20, 101, 10_000
CARD_TITLE, CARD_BODY, CARD_BUTTONS = 150, 200, 3
CONTAINER_TITLE, CHILDREN = 150, 10
IN_A_CONTAINER = frozenset(
    ["actions", "context", "divider", "file", "header", "image", "input", "rich_text", "section", "table", "video"]
)
ID_LENGTH = 255
ACTIONS_A_BLOCK, ELEMENTS_A_CONTEXT, OPTIONS, FIELDS = 25, 10, 100, 10
CHART_TITLE, CHART_SERIES, CHART_POINTS, CHART_LABEL = 50, 6, 20, 20
KNOWN = frozenset(
    [
        "actions",
        "card",
        "container",
        "context",
        "context_actions",
        "carousel",
        "data_table",
        "data_visualization",
        "divider",
        "file",
        "header",
        "image",
        "input",
        "markdown",
        "plan",
        "rich_text",
        "section",
        "table",
        "task_card",
        "video",
        "alert",
    ]
)
_LIVE = re.compile(r"<(?:@([UW]\w+)|!(channel|here|everyone)|!subteam\^(\w+))(?:\|[^>]*)?>")
_NAMED = re.compile(r"(?<![\w<])@(channel|here|everyone)\b")

Block = dict[str, Any]
Wrong = tuple[str, str]  # what is wrong, and the JSON pointer to it


def find_faults(blocks: object, at_most: int = BLOCKS_A_MESSAGE) -> list[str]:
    """Return what Slack says in `response_metadata.messages`; empty when the blocks are valid."""
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        return ["[ERROR] must provide an array of objects [json-pointer:/blocks]"]
    wrong = list(_check_count(blocks, at_most, "/blocks"))
    for i, block in enumerate(blocks):
        wrong += _check_block(block, f"/blocks/{i}")
    wrong += _check_unique((b.get("block_id") for b in blocks), "block_id")
    return [f"[ERROR] {what} [json-pointer:{where}]" for what, where in wrong]


def count_characters(blocks: Iterable[Block]) -> int:
    """Count the characters of all text in the blocks."""
    return sum(len(text) for text, _ in _find_texts(list(blocks)))


def _check_block(block: Block, where: str) -> Iterator[Wrong]:
    kind = block.get("type")
    yield from _check_id(block, "block_id", where)
    match kind:
        case _ if kind not in KNOWN:
            yield f"unsupported type: {kind}", f"{where}/type"
        case "section":
            if not block.get("text") and not block.get("fields"):
                yield "missing required field: text", where
            yield from _check_text(block.get("text"), LONGEST["section"], f"{where}/text")
            yield from _check_count(block.get("fields") or [], FIELDS, f"{where}/fields")
            if accessory := block.get("accessory"):
                yield from _check_element(accessory, f"{where}/accessory")
        case "header":
            yield from _check_text(block.get("text"), LONGEST["header"], f"{where}/text", kind="plain_text")
        case "markdown":
            yield from _check_string(block.get("text"), LONGEST["markdown"], f"{where}/text")
        case "context":
            yield from _check_count(block.get("elements") or [], ELEMENTS_A_CONTEXT, f"{where}/elements")
            for i, element in enumerate(block.get("elements") or []):
                if element.get("type") != "image":
                    yield from _check_text(element, LONGEST["context"], f"{where}/elements/{i}")
        case "actions":
            elements = block.get("elements") or []
            if not elements:
                yield "no fewer than 1 items allowed", f"{where}/elements"
            yield from _check_count(elements, ACTIONS_A_BLOCK, f"{where}/elements")
            for i, element in enumerate(elements):
                yield from _check_element(element, f"{where}/elements/{i}")
            yield from _check_unique((e.get("action_id") for e in elements), "action_id")
        case "input":
            yield from _check_text(block.get("label"), 2_000, f"{where}/label", kind="plain_text")
            yield from _check_element(block.get("element") or {}, f"{where}/element")
        case "table":
            rows = block.get("rows") or []
            yield from _check_count(rows, TABLE_ROWS, f"{where}/rows")
            for i, row in enumerate(rows):
                yield from _check_count(row, TABLE_COLUMNS, f"{where}/rows/{i}")
        case "data_table":
            rows = block.get("rows") or []
            if not block.get("caption"):
                yield "missing required field: caption", where
            if not 2 <= len(rows) <= DATA_TABLE_ROWS or len({len(row) for row in rows}) != 1:
                yield "rows of one length, a header and one more at least", f"{where}/rows"
            yield from _check_count(rows[0] if rows else [], TABLE_COLUMNS, f"{where}/rows/0")
            for i, cell in enumerate(cell for row in rows for cell in row):
                if cell.get("type") not in ("raw_text", "raw_number", "rich_text") or not cell.get("text"):
                    yield "must be a cell with a text", f"{where}/rows/{i}"
            if count_characters(rows) > DATA_TABLE_CHARACTERS:
                yield f"must be less than {DATA_TABLE_CHARACTERS + 1} characters", f"{where}/rows"
        case "data_visualization":
            yield from _check_chart(block, where)
        case "card":
            yield from _check_card(block, where)
        case "container":
            yield from _check_container(block, where)


def _check_chart(block: Block, where: str) -> Iterator[Wrong]:
    """Check bars: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block."""
    chart = block.get("chart") or {}
    if not block.get("title") or len(block["title"]) > CHART_TITLE:
        yield f"a title of {CHART_TITLE} characters at most", f"{where}/title"
    if chart.get("type") != "bar":
        yield "a kind of chart that nobody draws here", f"{where}/chart/type"
    labels = (chart.get("axis_config") or {}).get("categories") or []
    series = chart.get("series") or []
    if not series or len(series) > CHART_SERIES or len({one.get("name") for one in series}) < len(series):
        yield f"1 to {CHART_SERIES} series with names of their own", f"{where}/chart/series"
    if len(set(labels)) < len(labels) or any(not label or len(label) > CHART_LABEL for label in labels):
        yield f"labels of {CHART_LABEL} characters at most, each once", f"{where}/chart/axis_config"
    for i, one in enumerate(series):
        points = one.get("data") or []
        if len(one.get("name") or "") > CHART_LABEL or not 1 <= len(points) <= CHART_POINTS:
            yield f"a name, and 1 to {CHART_POINTS} points", f"{where}/chart/series/{i}"
        if [point.get("label") for point in points] != labels:
            yield "a point for each category", f"{where}/chart/series/{i}/data"


def _check_card(card: Block, where: str) -> Iterator[Wrong]:
    """Check a card: https://docs.slack.dev/reference/block-kit/blocks/card-block."""
    if not any(card.get(name) for name in ("hero_image", "title", "actions", "body")):
        yield "missing required field: title", where
    for name, longest in (("title", CARD_TITLE), ("subtitle", CARD_TITLE), ("body", CARD_BODY)):
        yield from _check_text(card.get(name), longest, f"{where}/{name}")
    buttons = card.get("actions") or []
    yield from _check_count(buttons, CARD_BUTTONS, f"{where}/actions")
    for i, button in enumerate(buttons):
        yield from _check_element(button, f"{where}/actions/{i}")


def _check_container(container: Block, where: str) -> Iterator[Wrong]:
    """Check a container: https://docs.slack.dev/reference/block-kit/blocks/container-block."""
    if not container.get("title") and not container.get("rich_text_title"):
        yield "missing required field: title", where
    yield from _check_text(container.get("title"), CONTAINER_TITLE, f"{where}/title", kind="plain_text")
    yield from _check_text(container.get("subtitle"), CONTAINER_TITLE, f"{where}/subtitle")
    if container.get("default_collapsed") and not container.get("is_collapsible"):
        yield "default_collapsed requires is_collapsible", where
    children = container.get("child_blocks") or []
    if not children:
        yield "no fewer than 1 items allowed", f"{where}/child_blocks"
    yield from _check_count(children, CHILDREN, f"{where}/child_blocks")
    for i, child in enumerate(children):
        if child.get("type") not in IN_A_CONTAINER:
            yield f"unsupported type: {child.get('type')}", f"{where}/child_blocks/{i}/type"
        else:
            yield from _check_block(child, f"{where}/child_blocks/{i}")


def _check_element(element: Block, where: str) -> Iterator[Wrong]:
    yield from _check_id(element, "action_id", where)
    if element.get("type") == "button":
        yield from _check_text(element.get("text"), LONGEST["button"], f"{where}/text", kind="plain_text")
        if len(element.get("value") or "") > 2_000:
            yield "must be less than 2001 characters", f"{where}/value"
    options = element.get("options")
    if options is not None:
        yield from _check_count(options, OPTIONS, f"{where}/options")
        for i, option in enumerate(options):
            yield from _check_text(option.get("text"), 75, f"{where}/options/{i}/text")


def _check_text(value: object, longest: int, where: str, kind: str = "") -> Iterator[Wrong]:
    if value is None:
        return
    if not isinstance(value, dict) or value.get("type") not in ((kind,) if kind else ("plain_text", "mrkdwn")):
        yield "must be a valid text object", where
    else:
        yield from _check_string(value.get("text"), longest, f"{where}/text")


def _check_string(value: object, longest: int, where: str) -> Iterator[Wrong]:
    if not isinstance(value, str) or not value:
        yield "must be more than 0 characters", where
    elif len(value) > longest:
        yield f"must be less than {longest + 1} characters", where


def _check_id(holder: Block, name: str, where: str) -> Iterator[Wrong]:
    if len(holder.get(name) or "") > ID_LENGTH:
        yield f"must be less than {ID_LENGTH + 1} characters", f"{where}/{name}"


def _check_count(items: list[Any], at_most: int, where: str) -> Iterator[Wrong]:
    if len(items) > at_most:
        yield f"no more than {at_most} items allowed", where


def _check_unique(ids: Iterable[object], name: str) -> Iterator[Wrong]:
    seen: set[object] = set()
    for one in ids:
        if one and one in seen:
            yield f"{name} already exists", f"/{name}"
        seen.add(one)


def mentions(text: str, blocks: list[Block], attachments: list[Block], named: bool = False) -> tuple[str, ...]:
    """Return whom a message pings, in order and once each: user ids, `channel`, `here`, `everyone`, user groups.

    Escaped (`&lt;@U…`) and plain_text mentions ping nobody. With `named` a bare `@channel` pings too, as with
    link_names.
    """
    live = [text, *(said for said, alive in _find_texts(blocks) if alive)]
    live += [str(a.get(key, "")) for a in attachments for key in ("text", "pretext", "fallback")]
    live += [said for a in attachments for said, alive in _find_texts(a.get("blocks") or []) if alive]
    found = [next(filter(None, m.groups())) for said in live for m in _LIVE.finditer(said)]
    found += [m[1] for said in live for m in _NAMED.finditer(said) if named]
    found += list(_walk(blocks, _ping_of))
    return tuple(dict.fromkeys(found))


def _find_texts(tree: object) -> list[tuple[str, bool]]:
    """Return every text in blocks, and whether mentions in it are live."""
    return list(_walk(tree, _text_of))


def _text_of(node: Block) -> Iterator[tuple[str, bool]]:
    if isinstance(node.get("text"), str):
        yield node["text"], node.get("type") in ("mrkdwn", "markdown")


def _ping_of(node: Block) -> Iterator[str]:
    match node.get("type"):
        case "user" if "user_id" in node:
            yield str(node["user_id"])
        case "broadcast":
            yield str(node["range"])
        case "usergroup":
            yield str(node["usergroup_id"])


def _walk(tree: object, look: Callable[[Block], Iterator[Any]]) -> Iterator[Any]:
    if isinstance(tree, list):
        for item in tree:
            yield from _walk(item, look)
    elif isinstance(tree, dict):
        yield from look(tree)
        for value in tree.values():
            yield from _walk(value, look)


def find_element(blocks: list[Block], action_id: str) -> tuple[str, Block] | None:
    """Return the interactive element with this action id, after the id of its block."""
    for block in blocks:
        inside = block.get("actions") if block.get("type") == "card" else block.get("elements")
        elements = [*(inside or []), block.get("accessory"), block.get("element")]
        for element in elements:
            if isinstance(element, dict) and element.get("action_id") == action_id:
                return str(block.get("block_id", "")), element
    return None
