"""The packages of a hash-locked list, as pip has installed them in the environment of the tests."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from tests.support.paths import ROOT


def read_locked(name: str) -> dict[str, str]:
    """Return the entry of each package of a list, which pip takes as a list of its own."""
    text = (ROOT / name).read_text("utf-8")
    return {entry.partition("==")[0]: entry for entry in re.findall(r"^[a-z0-9.-]+==(?:.*\\\n)*.*\n", text, re.M)}


def find_installed(packages: Iterable[str]) -> dict[str, Distribution]:
    """Return those of the packages that are installed; others are of another system or Python."""
    found = {}
    for name in packages:
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
    return found


def copy_installed(packages: Iterable[Distribution], to: Path) -> None:
    """Copy packages into a folder of packages, without byte code and programs."""
    for package in packages:
        for file in package.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                (to / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(str(file.locate()), to / file)
