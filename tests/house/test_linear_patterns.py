"""Patterns over text of people and models take time in proportion to the text, whatever the text is.

Every pattern of the product is found: in modules and classes, and where one is written at the place of its use. Those
that are built of what an operator or a run says stand in `BUILT`, by the function that builds them. Each is fed what it
knows best: repeats of all that it mentions and of every beginning of what it looks for, with ends that it finds and
ends that it does not.
"""

from __future__ import annotations

import ast
import importlib
import math
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # typeshed does not know how Python parses patterns
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import pytest

from bot.cli.first_settings import KNOWN
from bot.domain.visibility import _name_pattern
from bot.domain.word_filter import WordFilter
from bot.formats.ballots.letters import Letters
from bot.live.cuts import _MARKER
from bot.models.redaction import _KNOWN, Redactor
from tests.support.paths import ROOT

FULL = 50_000  # characters: no text that a pattern is given is longer
SMALL, LARGE = 500, 2_000  # characters: a quadratic pattern takes sixteen times as long for the larger, a linear four
MOST_GROWTH = 9.0
STOP_S = 1.0  # of CPU, so that the test of an exponential pattern ends; a linear one takes some ten thousandth of it
ENDS = ("", "¤", "\n\n¤")
SCANS = frozenset({"search", "finditer", "findall", "sub", "subn", "split"})
WHOLE = frozenset({"match", "fullmatch"})
NOT_IMPORTED = {"bot/__main__.py", "storage/migrations/env.py"}  # programs, which an import would run


class Use(NamedTuple):
    """A pattern and the methods that it is used with."""

    pattern: re.Pattern[str]
    methods: frozenset[str]


def _letters() -> list[Use]:
    letters = Letters("ABCDEFGHIJKL")
    whole = [Use(letters._whole, WHOLE), Use(letters._leading, WHOLE)]
    return [*whole, Use(letters._ending, SCANS), Use(letters._tie, SCANS)]


def _redactor() -> list[Use]:
    redactor = Redactor(("own-0123456789abcdefghij",))
    return [Use(redactor._key, SCANS), Use(redactor._start, SCANS)]


BUILT: Mapping[str, Callable[[], Sequence[Use]]] = {
    "bot.actions.steering._find_named_seats": lambda: [_scan(r"(?<!\w)gpt\-4\ o(?!\w)", re.I)],
    "bot.cli.first_settings.take_newest": lambda: [Use(re.compile(c.versions), WHOLE) for c in KNOWN if c.versions],
    "bot.domain.visibility.reveals_identity": lambda: [_scan(_name_pattern("gpt-4-o-mini-2026"), re.I)],
    "bot.domain.word_filter.__init__": lambda: [Use(WordFilter(["bad word", "worse*", "見る"])._start, SCANS)],
    "bot.formats.ballots.letters.__init__": _letters,
    "bot.formats.common.frame": lambda: [_scan("5aaf7845", re.I)],
    "bot.live.cuts._openings": lambda: [Use(re.compile(f"(?:{_MARKER}){{0,9}}"), WHOLE)],
    "bot.live.dialect.longest_run": lambda: [_scan("`+")],
    "bot.live.heal._atom_end": lambda: [_scan("(?<!`)``(?!`)")],
    "bot.models.redaction._make_patterns": _redactor,
    "bot.models.redaction.make_redactor": lambda: [
        _scan(rf"own|(?<![\w-])(?:{_KNOWN})[\w*-]{{3,}}(?:\.\.+[\w*-]+)?|(?<=\bBearer )[^\s'\"]+", re.ASCII)
    ],
    "bot.settings.platforms._check_ids": lambda: [
        Use(re.compile(r"\d{5,20}"), WHOLE),
        Use(re.compile("[TE][A-Z0-9]+"), WHOLE),
    ],
    "commands.debate._read_positions": lambda: [_scan(r"[;\n]")],
}


def _scan(pattern: str, flags: int = 0) -> Use:
    return Use(re.compile(pattern, flags), SCANS)


# Where patterns are


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for room in ("bot", "commands", "adapters", "storage"):
        for file in sorted((ROOT / room).rglob("*.py")):
            module = file.relative_to(ROOT).as_posix()
            yield module, ast.parse(file.read_text("utf-8"))


def _name(file: str) -> str:
    return file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _patterns_of(value: object, name: str, depth: int = 3) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Yield the patterns that a module's name stands for, those in classes and collections too."""
    inner: list[tuple[str, object]] = []
    match value:
        case re.Pattern(pattern=str()):  # those over bytes see what is on the wire, bounded there
            yield name, value
        case type():
            inner = list(vars(value).items())
        case dict():
            inner = [(name, one) for one in value.values()]
        case list() | tuple() | set() | frozenset():
            inner = [(name, one) for one in value]
    for key, one in inner if depth else ():
        yield from _patterns_of(one, key, depth - 1)


def _find_uses() -> tuple[dict[str, Use], set[str]]:
    """Return the patterns of the product by their places, and the functions that build one of what they are given."""
    methods: dict[str, set[str]] = {}
    uses: dict[str, Use] = {}
    building: set[str] = set()
    for file, tree in _sources():
        names = {} if file in NOT_IMPORTED else vars(importlib.import_module(_name(file)))
        for function in (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)):
            for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
                match call:
                    case ast.Call(ast.Attribute(ast.Name("re"), how), [text, *_]) if how in {"compile"} | SCANS | WHOLE:
                        try:
                            pattern = re.compile(eval(ast.unparse(text), dict(names)))
                        except NameError:
                            building.add(f"{_name(file)}.{function.name}")
                        else:
                            used = SCANS | WHOLE if how == "compile" else frozenset({how})
                            uses[f"{_name(file)}:{call.lineno}"] = Use(pattern, used)
        for method in (n for n in ast.walk(tree) if isinstance(n, ast.Attribute)):
            if method.attr in SCANS | WHOLE and isinstance(method.value, ast.Name | ast.Attribute):
                owner = method.value.id if isinstance(method.value, ast.Name) else method.value.attr
                methods.setdefault(owner, set()).add(method.attr)
    for file, _ in _sources():
        for name, value in () if file in NOT_IMPORTED else vars(importlib.import_module(_name(file))).items():
            for inner, pattern in _patterns_of(value, name):
                uses[f"{pattern.pattern[:40]} of {inner}"] = Use(pattern, frozenset(methods.get(inner, SCANS)))
    return uses, building


FOUND, BUILDING = _find_uses()
USES = FOUND | {f"{name} {i}": use for name, build in BUILT.items() for i, use in enumerate(build())}


def test_each_function_that_builds_a_pattern_is_known() -> None:
    assert set(BUILT) == BUILDING, "add it to BUILT, with the longest that it may be given"


# What a pattern knows best


class Known(NamedTuple):
    """What a pattern mentions: characters, runs of literal ones, those that it repeats, and texts that it matches."""

    chars: list[str]
    literals: list[str]
    repeated: list[str]
    samples: list[str]


CATEGORIES = {
    op.CATEGORY_WORD: "a1_é",
    op.CATEGORY_NOT_WORD: "- ",
    op.CATEGORY_SPACE: " \n",
    op.CATEGORY_NOT_SPACE: "x.",
    op.CATEGORY_DIGIT: "1",
    op.CATEGORY_NOT_DIGIT: "x ",
}


def _read(items: Any, known: Known, repeats: bool) -> list[str]:
    """Note all that a parsed pattern mentions, and return texts that it matches, which differ in one choice."""
    choices: list[list[str]] = []
    for code, arg in items:
        if code is op.LITERAL:
            options = [chr(arg)]
        elif code is op.NOT_LITERAL:
            options = ["x" if arg != ord("x") else "y"]
        elif code is op.ANY:
            options = ["x"]
        elif code is op.IN:
            options = _members(arg)
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT):
            least, most, inner = arg
            one = _read(inner, known, repeats or most > 4)
            options = [text * max(1, min(least, 40)) for text in one] + ([""] if least == 0 else [])
        elif code is op.SUBPATTERN:
            options = _read(arg[3], known, repeats)
        elif code is op.ATOMIC_GROUP:
            options = _read(arg, known, repeats)
        elif code is op.BRANCH:
            options = [text for branch in arg[1] for text in _read(branch, known, repeats)]
        elif code in (op.ASSERT, op.ASSERT_NOT):
            _read(arg[1], known, repeats)
            options = [""]
        else:
            options = [""]
        if code in (op.LITERAL, op.NOT_LITERAL, op.ANY, op.IN):
            known.chars.extend(options)
            known.repeated.extend(options if repeats else [])
        choices.append(options)
    literals = "".join(chr(arg) if code is op.LITERAL else "\0" for code, arg in items)
    known.literals.extend(run for run in literals.split("\0") if len(run) > 1)
    first = [options[0] for options in choices]
    variants = [
        "".join([*first[:i], option, *first[i + 1 :]]) for i, options in enumerate(choices) for option in options[1:]
    ]
    return list(dict.fromkeys(["".join(first), *variants]))[:120]


def _members(items: Any) -> list[str]:
    found = ""
    for code, arg in items:
        if code is op.NEGATE:
            found += "x "
        elif code is op.LITERAL:
            found += chr(arg)
        elif code is op.RANGE:
            found += chr(arg[0])
        elif code is op.CATEGORY:
            found += CATEGORIES.get(arg, "")
    return list(dict.fromkeys(found)) or ["x"]


def _hostile(pattern: re.Pattern[str]) -> Iterator[tuple[str, str]]:
    """Yield heads and units: the unit is repeated behind the head."""
    known = Known([], [], [], [])
    samples = _read(parser.parse(pattern.pattern, pattern.flags), known, repeats=False)
    begun = list(dict.fromkeys(s[:end] for s in samples for end in range(1, min(len(s), 24) + 1)))
    yield from (("", unit) for unit in dict.fromkeys([*known.chars, *known.literals, *begun]))
    yield from (("", unit + space) for space in " \n" for unit in begun)
    heads = list(dict.fromkeys([*known.literals, *begun]))[:40]
    yield from ((head, char) for char in list(dict.fromkeys(known.repeated))[:16] for head in heads)


# How long it takes


class Endless(Exception):
    pass


def _stop(*_: object) -> None:
    raise Endless


def _cost(use: Use, text: str) -> float:
    """Return the CPU that it takes to use a pattern on a text; infinity for more than one would wait."""
    signal.setitimer(signal.ITIMER_VIRTUAL, STOP_S)
    begun = time.thread_time()
    try:
        if use.methods & SCANS:
            for _ in use.pattern.finditer(text):
                pass
        if "match" in use.methods:
            use.pattern.match(text)
        if "fullmatch" in use.methods:
            use.pattern.fullmatch(text)
    except Endless:
        return math.inf
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return time.thread_time() - begun


QUADRATIC = {
    "a run that is looked for from each of its characters": r"\s*x",
    "an opener without an end": "<[@#][^>]+>",
    "an end that never comes": r"(\w+)$",
    "an optional part that is looked for behind each space": r"(?<=\s)--(\w+)(?:\s(?:“[^”]*”))?",
}


def _growth(use: Use, head: str, unit: str, end: str, *, small: int, large: int) -> float:
    """Return how many times as long the larger text takes: the least of several runs, as others run beside."""
    least = [math.inf, math.inf]
    for _ in range(12):
        for i, size in enumerate((small, large)):
            least[i] = min(least[i], _cost(use, head + unit * (size // len(unit)) + end))
        if least[1] == math.inf or least[1] < MOST_GROWTH * least[0]:
            break
    return least[1] / max(least[0], 1e-7) if least[1] < math.inf else math.inf


def _check(use: Use) -> None:
    before = signal.signal(signal.SIGVTALRM, _stop)
    try:
        worst = (0.0, "", "x", "")
        for head, unit in _hostile(use.pattern):
            for end in ENDS:
                text = (head, unit, end)
                assert _cost(use, head + unit * 40 + end) < math.inf, f"never ends on {text}"
                growth = _growth(use, *text, small=SMALL, large=LARGE)
                if growth >= MOST_GROWTH:  # so short a time may be noise
                    growth = _growth(use, *text, small=LARGE, large=LARGE * LARGE // SMALL)
                assert growth < MOST_GROWTH, f"{LARGE // SMALL} times the text takes {growth:.0f} times as long: {text}"
                worst = max(worst, (_cost(use, head + unit * (LARGE // len(unit)) + end), *text))
        growth = _growth(use, *worst[1:], small=FULL // 4, large=FULL)
        assert growth < MOST_GROWTH, f"4 times the text takes {growth:.0f} times as long: {worst[1:]}"
    finally:
        signal.signal(signal.SIGVTALRM, before)


@pytest.mark.parametrize("pattern", [*QUADRATIC.values(), "(?:[^\\W\\d]|[_ ]){0,40}:"], ids=[*QUADRATIC, "exponential"])
def test_a_pattern_that_is_not_linear_is_seen(pattern: str) -> None:
    with pytest.raises(AssertionError):
        _check(_scan(pattern))


@pytest.mark.parametrize("name", USES)
def test_time_is_in_proportion_to_the_text(name: str) -> None:
    _check(USES[name])
