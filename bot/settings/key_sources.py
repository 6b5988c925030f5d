"""Keys by reference: from a file of their own, or from a variable of the environment or the file that it names."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from bot.network import clean_key

BY_VARIABLE, BY_FILE = "env:", "file:"  # how a setting names where its key is
FILE_ENDING = "_FILE"  # of a variable that names a file with a key, as Docker's images have it
_MAX_BYTES = 16_384


class KeyFile(SecretStr):
    """A secret that was read from a file, at `path`."""

    def __init__(self, secret_value: str, path: str) -> None:
        super().__init__(secret_value)
        self.path = path


def read_secret(secret: SecretStr) -> SecretStr:
    """Return a secret cleaned, from the file that it names if it names one. Raises ValueError."""
    value = secret.get_secret_value().strip()
    if value.startswith(BY_FILE):
        path = value.removeprefix(BY_FILE).strip()
        return KeyFile(read_key_file(path), path)
    if not value:
        raise ValueError("it is empty: write it, or leave the setting out")
    return SecretStr(clean_key(value))


def read_key(variable: str, environ: Mapping[str, str]) -> str:
    """Return the key that a variable holds, or the file that it names; "" where there is none that could be one."""
    try:
        return _load_key(variable, environ)
    except ValueError:
        return ""


def find_key_fault(variable: str, environ: Mapping[str, str]) -> str:
    """Say why a variable's key cannot be one; "" where it can, or nothing is set."""
    try:
        _load_key(variable, environ)
    except ValueError as error:
        is_held = find_holder(variable, environ) == variable
        return (
            f"{variable} holds what no key can be, so copy it again" if is_held else f"{variable}{FILE_ENDING}: {error}"
        )
    return ""


def find_holder(variable: str, environ: Mapping[str, str]) -> str:
    """Return the name of the variable that is set: itself, or the one that names a file; "" where none is."""
    return next((name for name in (variable, variable + FILE_ENDING) if environ.get(name, "").strip()), "")


def _load_key(variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(find_holder(variable, environ), "")
    return clean_key(value) if environ.get(variable, "").strip() or not value else read_key_file(value.strip())


def read_key_file(path: str) -> str:
    """Return the key in a file. Raises ValueError, which names the file and quotes nothing of it."""
    try:
        file = Path(path)
        if not stat.S_ISREG(file.stat().st_mode):
            raise ValueError(f"{path} is no file")
        with file.open("rb") as opened:
            text = opened.read(_MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"{path} holds no text in UTF-8") from None
    if not text.strip():
        raise ValueError(f"{path} is empty")
    try:
        return clean_key(text)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def is_open_to_all(path: str) -> bool:
    """Return whether everybody on this machine can read a file."""
    try:
        return bool(Path(path).stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
