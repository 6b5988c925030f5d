"""Files that people attach on Discord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import discord

from adapters.common.attachments import RemoteFile


def discord_files(client: discord.Client, files: Sequence[Mapping[str, Any]]) -> list[RemoteFile]:
    """Return attachments, given as Discord's JSON, as files to read."""
    return [
        RemoteFile(
            name=file["filename"],
            mime=file.get("content_type") or "",
            size=int(file["size"]),
            fetch=partial(client.http.get_from_cdn, file["url"]),
        )
        for file in files
    ]
