"""Pictures of runs, kept once beside the facts while a run that shows them goes on, and bounded."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

from bot.actions.permissions import Person
from bot.domain.run import Image
from bot.errors import Refused
from bot.ports.store import PictureStore
from bot.text import quote_typed

MAX_BYTES_OF_ONE = 75_000_000  # of the pictures in a person's runs that go on: of five runs with four pictures each
MAX_BYTES_OF_SERVER = 375_000_000
MAX_BYTES = 1_000_000_000


class PictureKeeper:
    """The way of pictures from a request into the store."""

    def __init__(self, store: PictureStore) -> None:
        self._store = store

    async def keep(self, run: str, by: Person, images: Sequence[Image]) -> tuple[Image, ...]:
        """Keep the pictures of a run that is about to begin; return them without their data. Raises Refused."""
        return tuple([await self._keep_one(run, by, image) for image in images])

    async def _keep_one(self, run: str, by: Person, image: Image) -> Image:
        if not image.data:
            size = await self._store.picture_size(image.digest)
            if size is None:
                raise Refused(
                    f"{quote_typed(image.name)} is no longer kept, as that run is over: attach it to a new question."
                )
            await self._check_room(by, size)
            await self._store.keep_picture(run, by.key, by.server, None, image.digest)
            return image
        data = base64.b64decode(image.data)
        await self._check_room(by, len(data))
        return replace(image, data="", digest=await self._store.keep_picture(run, by.key, by.server, data))

    async def _check_room(self, by: Person, size: int) -> None:
        own, around, total = await self._store.picture_bytes(by.key, by.server)
        if own + size > MAX_BYTES_OF_ONE:
            raise Refused(
                "Your runs hold as many pictures as one person's may: wait until one ends, or leave some out."
            )
        if around + size > MAX_BYTES_OF_SERVER or total + size > MAX_BYTES:
            raise Refused("Runs hold as many pictures as fit here: ask again when one has ended, or leave them out.")
