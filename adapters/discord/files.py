"""Files that people attach on Discord."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import aiohttp

from adapters.common.attachments import RemoteFile
from adapters.common.downloads import download
from bot.errors import Refused
from bot.ports.surface import SurfaceError
from bot.text import quote_typed


def discord_files(session: aiohttp.ClientSession, files: Sequence[Mapping[str, Any]]) -> list[RemoteFile]:
    """Return attachments, given as Discord's JSON, as files to read. Fetching one raises Refused."""
    return [
        RemoteFile(
            name=str(file.get("filename") or "file"),
            mime=file.get("content_type") or "",
            size=int(file.get("size") or 0),
            fetch=partial(_download, session, file),
        )
        for file in files
    ]


async def _download(session: aiohttp.ClientSession, file: Mapping[str, Any], max_bytes: int) -> bytes:
    try:
        return await download(session, str(file["url"]), size=int(file.get("size") or 0), max_bytes=max_bytes)
    except SurfaceError as error:
        name = str(file.get("filename") or "file")
        raise Refused(
            f"{quote_typed(name)} could not be fetched: {error}. Attach it again, or leave it out."
        ) from error
