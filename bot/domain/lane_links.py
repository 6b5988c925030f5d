"""Links from a card to other messages of its thread. Formats write them, and surfaces know where those messages stand.

A link is one of Markdown to a fragment: `[Claude](#answer/1/claude)`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from bot.domain.run import LaneId

_LINK = re.compile(r"\[((?:\\.|[^\[\]\\\n]){1,200})\]\((#[\w%/.~-]{1,200})\)")


def link_lane(label: str, lane: LaneId) -> str:
    """Return a link to the message of a lane. `label`: Markdown without links."""
    return f"[{label}]({_fragment(lane)})"


def is_lane_link(url: str) -> bool:
    return url.startswith("#")


def resolve_lane_links(text: str, addresses: Mapping[LaneId, str]) -> str:
    """Return Markdown whose links lead to the messages of their lanes; one to any other lane becomes its label."""
    known = {_fragment(lane): address for lane, address in addresses.items()}
    return _LINK.sub(lambda link: f"[{link[1]}]({known[link[2]]})" if link[2] in known else link[1], text)


def without_lane_links(text: str) -> str:
    """Return Markdown with the labels of such links alone, for readers that have no messages."""
    return resolve_lane_links(text, {})


def _fragment(lane: LaneId) -> str:
    return f"#{quote(str(lane))}"
