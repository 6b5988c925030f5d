"""The SQL of offers, which all processes share: one row for each person, taken by whoever changes it first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, inspect, select, update

from bot.ports.offers import OFFER_S, KeptOffer
from storage.schema import offers

MAX_CHARS = 50_000_000  # of the requests of all offers, pictures with them


def put_offer(conn: Connection, name: str, offer: KeptOffer, at: float) -> None:
    forget_person_offer(conn, offer.by)
    forget_old_offers(conn, at)
    row = {"person": offer.by, "name": name, "at": at, "taken": "", "high_usd": dict(offer.high_usd)}
    conn.execute(insert(offers).values(**row, **_measure_request(offer.request)))
    _make_room(conn)


def find_offer(conn: Connection, name: str, at: float) -> KeptOffer | None:
    row = conn.execute(select(offers).where(offers.c.name == name, offers.c.at > at - OFFER_S)).one_or_none()
    return KeptOffer(row.person, row.request, row.high_usd, row.taken) if row else None


def take_offer(conn: Connection, name: str, taken: str, at: float) -> bool:
    standing = (offers.c.name == name, offers.c.taken == "", offers.c.at > at - OFFER_S)
    changed = conn.execute(update(offers).where(*standing).values(taken=taken, request=None, chars=0))
    return changed.rowcount == 1


def put_back_offer(conn: Connection, name: str, request: Mapping[str, Any]) -> None:
    conn.execute(update(offers).where(offers.c.name == name).values(taken="", **_measure_request(request)))


def forget_old_offers(conn: Connection, at: float) -> bool:
    """Delete offers that stand no more at a wall time; return whether there were any."""
    return conn.execute(delete(offers).where(offers.c.at <= at - OFFER_S)).rowcount > 0


def forget_person_offer(conn: Connection, person: str) -> None:
    conn.execute(delete(offers).where(offers.c.person == person))


def has_offer(conn: Connection, person: str) -> bool:
    """Return whether something of a person waits, or has waited lately; beside an earlier version, nothing does."""
    if not inspect(conn).has_table(offers.name):
        return False
    return conn.scalar(select(offers.c.name).where(offers.c.person == person)) is not None


def _measure_request(request: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"request": request, "chars": len(json.dumps(request))}


def _make_room(conn: Connection) -> None:
    """Delete the oldest offers where all together are larger than may be."""
    newer_chars = func.sum(offers.c.chars).over(order_by=(offers.c.at.desc(), offers.c.name))
    counted = select(offers.c.name, newer_chars.label("chars")).subquery()
    conn.execute(delete(offers).where(offers.c.name.in_(select(counted.c.name).where(counted.c.chars > MAX_CHARS))))
