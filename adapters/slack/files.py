"""Files that people attach on Slack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adapters.common.attachments import RemoteFile
from adapters.slack.api import Api, Workspace
from bot.errors import Refused
from bot.ports import SurfaceError


def slack_files(api: Api, workspace: Workspace, files: Sequence[Mapping[str, Any]]) -> list[RemoteFile]:
    """Return attachments, given as Slack's JSON, as files to read. Fetching one raises Refused."""
    return [
        RemoteFile(
            name=file["name"],
            mime=file.get("mimetype", ""),
            size=int(file.get("size", 0)),
            fetch=partial(_download, api, workspace, file),
        )
        for file in files
    ]


async def _download(api: Api, workspace: Workspace, file: Mapping[str, Any]) -> bytes:
    try:
        return await api.download(workspace, file["url_private_download"], int(file.get("size", 0)))
    except SurfaceError as error:
        raise Refused(f"“{file['name']}” could not be fetched: {error}.") from error
