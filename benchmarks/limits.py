"""Limits on runs that no benchmark reaches, as few people ask for all of its runs."""

from __future__ import annotations

FEW_PEOPLE = {f"{what}_per_{whom}": 10_000 for what in ("runs", "starts") for whom in ("person", "channel", "server")}
