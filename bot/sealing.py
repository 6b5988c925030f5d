"""Sealing of secrets that are kept in the database, by Fernet keys of the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.errors import Misconfigured

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MAKE_KEY = '`python -c "from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())"`'


def make_sealer(keys: str, setting: str) -> MultiFernet:
    """Return the cipher of a setting. Raises Misconfigured.

    `keys`: Fernet keys with commas. The first seals and all open, so that a key can be replaced.
    """
    from cryptography.fernet import Fernet, MultiFernet  # slow to import, and few seal anything

    try:
        return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
    except ValueError:
        raise Misconfigured(f"{setting} is no key: make one with {MAKE_KEY}.") from None


def unseal(sealer: MultiFernet | None, sealed: str) -> str | None:
    """Return what is sealed; None where this cipher does not open it, or there is none."""
    from cryptography.fernet import InvalidToken  # as above

    try:
        return sealer.decrypt(sealed.encode()).decode() if sealer else None
    except InvalidToken:
        return None
