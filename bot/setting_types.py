"""Types of single settings: keys, addresses, secrets, and a table in which an unknown key is a mistake."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, StringConstraints

from bot.network import clean_address, clean_key

KEY_PATTERN = "[A-Za-z0-9_.:-]{1,40}"  # no slash, which divides a turn's stage from its seat
Key = Annotated[str, StringConstraints(pattern=f"^{KEY_PATTERN}$")]


Address = Annotated[str, AfterValidator(lambda text: clean_address(text) if text.strip() else "")]
SocketAddress = Annotated[str, AfterValidator(lambda text: clean_address(text, ("wss", "ws")) if text.strip() else "")]
Secret = Annotated[SecretStr, AfterValidator(lambda secret: SecretStr(clean_key(secret.get_secret_value())))]


def is_key(text: str) -> bool:
    """Return True where a model or panel may have this key."""
    return re.fullmatch(KEY_PATTERN, text) is not None


class Strict(BaseModel):
    """A table of settings in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
