"""The SQL of pictures: each is kept once, in pieces, for as long as a run that is not over shows it."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select

from storage.batch import Keep
from storage.schema import picture_uses, pictures

PIECE_BYTES = 3 * 16_384  # base64 takes three bytes at a time

_PIECE = select(pictures.c.data).where(pictures.c.digest == bindparam("digest"), pictures.c.piece == bindparam("piece"))


def find_picture_size(conn: Connection, digest: str) -> int | None:
    return conn.scalar(select(picture_uses.c.bytes).where(picture_uses.c.digest == digest).limit(1))


def read_picture_piece(conn: Connection, digest: str, number: int) -> bytes | None:
    return conn.scalar(_PIECE, {"digest": digest, "piece": number})


def count_picture_bytes(conn: Connection, by: str, server: str) -> tuple[int, int, int]:
    """Return the bytes of a person's pictures, of a server's, and of all; a picture counts once for each."""

    def count(*where: ColumnElement[bool]) -> int:
        each = select(picture_uses.c.digest, func.max(picture_uses.c.bytes).label("bytes")).where(*where)
        return conn.scalar(select(func.sum(each.group_by(picture_uses.c.digest).subquery().c.bytes))) or 0

    return count(picture_uses.c.by == by), count(picture_uses.c.server == server), count()


def keep_picture(conn: Connection, kept: Keep) -> None:
    if kept.data is not None and find_picture_size(conn, kept.digest) is None:
        data, pieces = memoryview(kept.data), range(0, kept.size, PIECE_BYTES)
        rows = [
            {"digest": kept.digest, "piece": number, "data": data[at : at + PIECE_BYTES]}
            for number, at in enumerate(pieces)
        ]
        conn.execute(insert(pictures), rows)
    use = {"run": kept.run, "digest": kept.digest, "bytes": kept.size, "by": kept.by, "server": kept.server}
    same = (picture_uses.c.run == kept.run, picture_uses.c.digest == kept.digest)
    conn.execute(delete(picture_uses).where(*same))
    conn.execute(insert(picture_uses), {**use, "at": kept.at})


def free_pictures(conn: Connection, over: ColumnElement[bool]) -> None:
    """Let uses of pictures go, and each picture that no run uses any more."""
    freed = conn.scalars(select(picture_uses.c.digest).where(over)).all()
    if freed:
        conn.execute(delete(picture_uses).where(over))
        used = select(picture_uses.c.digest)
        conn.execute(delete(pictures).where(pictures.c.digest.in_(freed), pictures.c.digest.not_in(used)))
