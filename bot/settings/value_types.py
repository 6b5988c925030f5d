"""Types of single settings: keys, addresses, secrets, and a table in which an unknown key is a mistake."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints

from bot.network import clean_address, find_place
from bot.settings.key_sources import read_secret

KEY_PATTERN = "[A-Za-z0-9_.:-]{1,40}"  # no slash, which divides a turn's stage from its seat
Key = Annotated[str, StringConstraints(pattern=f"^{KEY_PATTERN}$")]

MAX_SEATS = 12  # at one table
MAX_ROUNDS = 6  # of one debate


def _check_path(path: Path) -> Path:
    """Return a path. Raises ValueError for one that leads elsewhere than it seems to, or nowhere."""
    if len(path.parts) > 1 and path.parts[0].startswith("~"):
        raise ValueError(f"“~” stands for no home here: write the whole path, such as /home/ann/{path.name}")
    if "\0" in str(path):
        raise ValueError("a path has no character of the number 0")
    return path


Address = Annotated[str, AfterValidator(lambda text: clean_address(text) if text.strip() else "")]
SocketAddress = Annotated[str, AfterValidator(lambda text: clean_address(text, ("wss", "ws")) if text.strip() else "")]
FilePath = Annotated[Path, AfterValidator(_check_path)]
Secret = Annotated[SecretStr, AfterValidator(read_secret)]  # itself, or "file:/run/secrets/…"
SealingKeys = Annotated[  # Fernet keys with commas: the first seals, all open
    SecretStr, AfterValidator(lambda keys: read_secret(SecretStr(keys.get_secret_value().replace(", ", ","))))
]


_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def _check_postgres_url(url: SecretStr) -> SecretStr:
    """Return the URL of a PostgreSQL database. Raises ValueError, without repeating a password that is in it."""
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        raise ValueError("write postgresql://user:password@host/database; a SQLite file stands in storage.path")
    if _BROKEN_ESCAPE.search(url.get_secret_value()) or "@" in find_place(url.get_secret_value()):
        raise ValueError("in its user and password write %40 for @, %2F for / and %25 for %")
    return url


PostgresUrl = Annotated[Secret, AfterValidator(_check_postgres_url)]

MAX_USD_PER_MTOK = 1_000.0  # the dearest model that is known of costs 600
_MIN_USD_PER_MTOK = 0.0001  # the cheapest costs 0.005


def clean_usd(value: Any) -> Any:
    """Return a sum of US dollars as a number. Raises ValueError, which says how it is written."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        digits = re.search(r"\d[\d.,]*", value)
        example = re.sub(r",(?=\d{3}\b)", "", digits[0]).strip(",.").replace(",", ".") if digits else "3.0"
        raise ValueError(f"“{value[:40]}” is no number: write US dollars without a sign or unit, {example}") from None


def _check_usd_per_mtok(usd: float) -> float:
    if 0 < usd < _MIN_USD_PER_MTOK:
        raise ValueError(f"{usd:g} is the price of one token: write that of a million, {usd * 1e6:g}")
    if not 0 <= usd <= MAX_USD_PER_MTOK:  # true of NaN as well
        raise ValueError(f"a price is 0 to {MAX_USD_PER_MTOK:,g} US dollars a million tokens, not {usd:,g}")
    return usd


def _refuse_truth(value: Any) -> Any:
    """Return a number. Raises ValueError for true and false, which would count as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("write a whole number, such as 5")
    return value


# of what may go on or begin; nobody means more, and 0 would let nothing begin at all
Runs = Annotated[int, BeforeValidator(_refuse_truth), Field(ge=1, le=100_000)]
Usd = Annotated[float, BeforeValidator(clean_usd)]
Sum = Annotated[Usd, Field(ge=0)]  # US dollars; inf is allowed
UsdPerMtok = Annotated[Usd, AfterValidator(_check_usd_per_mtok)]


def is_key(text: str) -> bool:
    """Return True where a model or panel may have this key."""
    return re.fullmatch(KEY_PATTERN, text) is not None


class Strict(BaseModel):
    """A table of settings in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
