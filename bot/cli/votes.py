"""`moot import votes`: votes that were cast elsewhere, for the leaderboard."""

from __future__ import annotations

import time
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.files import read_bounded
from bot.domain.codec import Unreadable
from bot.errors import Refused
from bot.ports.store import DocumentStore
from bot.ratings.comparisons import Vote
from bot.ratings.vote_file import pack_votes, read_vote_file, unpack_votes
from storage import open_store

MAX_VOTE_FILE_BYTES = 100_000_000
PREFIX = "votes/"  # of documents, each by the digest of its file


async def import_votes(path: Path) -> int:
    """Store the votes of a file, all or none. Raises Refused."""
    data = read_bounded(path, MAX_VOTE_FILE_BYTES, ": divide it")
    try:
        votes = read_vote_file(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused(f"{path} cannot be imported: line {line} is no text in UTF-8. Nothing was stored.") from error
    except Unreadable as error:
        raise Refused(f"{path} cannot be imported: {error}. Nothing was stored.") from error
    key = PREFIX + sha256(data).hexdigest()
    async with open_store(load_configuration().storage.location, clock=time.time) as store:
        if await store.documents(key):
            raise Refused(f"The votes of {path} are here already, so nothing was changed.")
        await store.put(key, {"file": path.name, "at": time.time(), "votes": pack_votes(votes)})
    print_plain(f"Imported {len(votes):,} votes: `moot leaderboard` counts them with those of all runs.")
    return OK


async def read_imported_votes(documents: DocumentStore) -> list[Vote]:
    """Return all votes that were imported."""
    stored = cast(dict[str, Any], await documents.documents(PREFIX))
    return [vote for document in stored.values() for vote in unpack_votes(document["votes"])]
