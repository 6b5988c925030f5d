"""Files that people attach on Slack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from adapters.common.attachments import RemoteFile
from adapters.slack.api import Api, Workspace
from adapters.slack.reader import file_name
from bot.errors import Refused
from bot.ports.surface import SurfaceError
from bot.text import quote_typed

# files without bytes of their own, by `mode` and `filetype`: https://docs.slack.dev/reference/objects/file-object
WHY_UNREADABLE = {
    "tombstone": "was deleted",
    "hidden_by_limit": "is hidden by the limit of this workspace's plan",
    "external": "does not lie at Slack but at another service",
    "quip": "is a canvas",
    "docs": "is a canvas",
    "canvas": "is a canvas",
    "list": "is a list of Slack's own",
    "space": "is a post",
}
UNREADABLE = "{name} {why}, which I cannot read: attach the text that matters, or an image of it."
NO_ACCESS = "{name} lies in another workspace or is gone, so Slack does not show it to me: attach it here."

Json = Mapping[str, Any]


async def slack_files(api: Api, workspace: Workspace, files: Sequence[Json]) -> list[RemoteFile]:
    """Return attachments, given as Slack's JSON, as files to read. This and fetching one raise Refused."""
    return [await _find_file(api, workspace, file) for file in files]


async def _find_file(api: Api, workspace: Workspace, file: Json) -> RemoteFile:
    """Return a file that can be fetched. Of some, as in shared channels, Slack sends the id alone at first."""
    access = file.get("file_access")
    if access == "check_file_info":
        file = await _look_up(api, workspace, file)
    elif access in ("access_denied", "file_not_found"):
        raise Refused(NO_ACCESS.format(name=quote_typed(file_name(file))))
    kinds = ("external" if file.get("is_external") else "", file.get("mode"), file.get("filetype"))
    if why := next((WHY_UNREADABLE[kind] for kind in kinds if kind in WHY_UNREADABLE), ""):
        raise Refused(UNREADABLE.format(name=quote_typed(file_name(file)), why=why))
    url = file.get("url_private_download") or file.get("url_private")
    if not url:
        raise Refused(NO_ACCESS.format(name=quote_typed(file_name(file))))
    size = int(file.get("size") or 0)
    name = file_name(file)
    fetch = partial(_download, api, workspace, name, str(url), size)
    return RemoteFile(name, str(file.get("mimetype") or ""), size, fetch)


async def _look_up(api: Api, workspace: Workspace, file: Json) -> Json:
    """Return all that Slack says about a file (https://docs.slack.dev/reference/methods/files.info)."""
    try:
        found: Json = (await api.call(workspace, "files.info", file=str(file.get("id") or "")))["file"]
    except (SurfaceError, KeyError) as error:
        raise Refused(NO_ACCESS.format(name=quote_typed(file_name(file)))) from error
    return found


async def _download(api: Api, workspace: Workspace, name: str, url: str, size: int, max_bytes: int) -> bytes:
    try:
        return await api.download(workspace, url, size, max_bytes)
    except SurfaceError as error:
        raise Refused(
            f"{quote_typed(name)} could not be fetched: {error}. Attach it again, or leave it out."
        ) from error
