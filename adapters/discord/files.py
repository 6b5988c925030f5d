"""What people attach, fetched and read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from adapters.common.attachments import Text, admit, joined, read
from bot.domain.run import Image
from bot.settings import LimitSettings


async def with_files(
    client: discord.Client, question: str, files: Sequence[Mapping[str, Any]], limits: LimitSettings
) -> tuple[str, list[Image]]:
    """The question with the texts that came with it, and the images. `files` as Discord's JSON describes them. Raises
    Refused.
    """
    admit([int(file["size"]) for file in files], limits)
    texts: list[Text] = []
    images: list[Image] = []
    for file in files:
        data = await client.http.get_from_cdn(file["url"])
        match read(file["filename"], file.get("content_type") or "", data, limits):
            case Text() as text:
                texts.append(text)
            case Image() as image:
                images.append(image)
    return joined(question, texts), images
