"""The files that settings are read from, moot.toml and .env, as people write them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic_settings import DotEnvSettingsSource
from pydantic_settings.sources.utils import parse_env_vars

from bot.errors import Misconfigured
from bot.text import decode_text

FILE = "moot.toml"
DOTENV = ".env"


def read_operator_file(path: Path) -> str:
    """Return the text of a file that an operator wrote; "" where there is none. Raises Misconfigured."""
    try:
        return decode_text(path.read_bytes())
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Misconfigured(f"{path} cannot be read: it is no text in UTF-8. Save it as UTF-8.") from error


def read_toml() -> dict[str, Any]:
    """Return what moot.toml holds. Raises Misconfigured."""
    text = read_operator_file(Path(FILE))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{FILE} is not valid TOML: {error}{_find_remedy(text, str(error))}.") from error


def _find_remedy(text: str, mistake: str) -> str:
    """Return how the line of a mistake is written rightly, behind a colon; "" where that is not known."""
    if mistake.startswith("Cannot "):
        return ": the same name stands there twice"
    number = re.search(r"at line (\d{1,9})", mistake)
    lines = text.splitlines()
    line = lines[int(number[1]) - 1].strip()[:500] if number and int(number[1]) <= len(lines) else ""
    return next((f": {remedy}" for sign, remedy in _REMEDIES if sign.search(line)), "")


_REMEDIES = (  # what a line has, and how it is written
    (re.compile(r"=[\s\d.,]*(?:[$€£¥]|USD?\b|EUR\b)"), "US dollars are written as a number alone, 3.0"),
    (re.compile(r"=\s*\d+,\d"), "a fraction has a point, 3.0, and thousands have nothing, 1000"),
    (re.compile("[“”„‘’«»]"), 'values stand in plain quotes, "…"'),
    (re.compile("[\u00a0\u200b\ufeff]"), "it holds an invisible character that was copied with it: type the line anew"),
    (re.compile(r"^\[[^\]]*[^\w\s.\-\[\]]"), 'a name with such signs stands in quotes, [models."qwen3:8b"]'),
    (re.compile(r"=\s*(?:True|False|yes|no|on|off)\b"), "it is true or false, in small letters"),
    (re.compile(r"\\"), "a path of Windows stands in single quotes"),
    (re.compile(r"=\s*[A-Za-z]"), 'a text stands in quotes, name = "value"'),
    (re.compile("^[^=]+:"), 'a setting is written name = "value"'),
)


def read_dotenv() -> dict[str, str | None]:
    """Return the variables of .env. Raises Misconfigured where one that is meant for us cannot be read."""
    written = list(parse_stream(StringIO(read_operator_file(Path(DOTENV)))))
    for one in written:
        is_good = not one.error and (one.key is None or (one.value is not None and one.key.isidentifier()))
        if not is_good and _OURS.search(one.original.string):
            raise Misconfigured(f"{DOTENV}: line {one.original.line}: a variable is written NAME=value, on one line.")
    return dotenv_values(stream=StringIO("".join(one.original.string for one in written if not one.error)))


_OURS = re.compile("MOOT[_-]|[_-](?:KEY|TOKEN|SECRET)")  # in a line that may hold one of our variables


class DotenvSource(DotEnvSettingsSource):
    """The variables of .env, in whatever encoding it was written."""

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return parse_env_vars(read_dotenv(), ignore_empty=self.env_ignore_empty)
