r"""Formulas: where TeX stands in a text, and its Unicode where that says the same.

Only what Unicode writes exactly is converted (`x^2` is x², `\alpha \le 1` is α ≤ 1); a formula with anything
else in it, an overline or a matrix, is `None` here and stays TeX, whole.
"""

from __future__ import annotations

import re
import unicodedata

# `\(…\)`: nobody escapes round brackets in Markdown. `\[…\]` must look like a formula: `\[1\]` is an escaped bracket.
_ROUND = r"\\\((?P<round>(?:\\[^()]|[^\\]){1,1999}+)\\\)"
_SQUARE = r"\\\[(?P<square>(?:\\[^\[\]]|[^\\]){1,1999}+)\\\](?!\()"
# Dollars beside a digit or a space are money, unless powers or commands say otherwise.
_DOUBLE = r"\$\$(?P<double>(?:\\.|[^$\\]|\$(?!\$)){1,1999}+)\$\$"
_NUMBER = r"(?=\d[^$\\^_]*+(?:\\[A-Za-z]|\^|_[\d{])|\d[^\s$A-Za-z=*]*+[A-Za-z=*][^\s$]*+\$)"
_SINGLE = (
    r"(?<!\d)\$(?:(?![\s$\d])|" + _NUMBER + r")(?P<single>(?:\\.|[^$\\]){1,1999}+)(?<!\s)\$"
    r"(?![\d$]|(?!(?:th|st|nd|rd|s)\b)[A-Za-z])"
)
MATH = re.compile(f"{_ROUND}|{_SQUARE}|{_DOUBLE}|{_SINGLE}", re.DOTALL)
_LOOKS_LIKE_MATH = re.compile(r"\\[A-Za-z]|[\^_=+<>{}]|^\s")


def looks_like_math(text: str) -> bool:
    """Return whether what stands in square brackets is a formula, rather than words or the number of a note."""
    return bool(_LOOKS_LIKE_MATH.search(text))


def match_math(text: str, at: int) -> re.Match[str] | None:
    """Return the formula that begins at a code point; its last group is its TeX."""
    match = MATH.match(text, at)
    if match is None or not match[match.lastgroup or 0].strip():
        return None
    return None if match.lastgroup == "square" and not looks_like_math(match["square"]) else match


_SIGNS = """
alpha α beta β gamma γ delta δ epsilon ϵ varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ
nu ν xi ξ omicron ο pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi ϕ varphi φ chi χ psi ψ omega ω
Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω
le ≤ leq ≤ ge ≥ geq ≥ ne ≠ neq ≠ approx ≈ equiv ≡ sim ∼ simeq ≃ cong ≅ propto ∝ ll ≪ gg ≫ lt < gt >
in ∈ notin ∉ ni ∋ subset ⊂ subseteq ⊆ supset ⊃ supseteq ⊇ perp ⊥ parallel ∥ mid ∣ vdash ⊢ models ⊨
to → rightarrow → longrightarrow ⟶ leftarrow ← gets ← leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔
implies ⟹ iff ⟺ mapsto ↦ uparrow ↑ downarrow ↓
times × div ÷ cdot ⋅ pm ± mp ∓ cup ∪ cap ∩ setminus ∖ land ∧ wedge ∧ lor ∨ vee ∨ oplus ⊕ otimes ⊗ circ ∘ bullet ∙ ast ∗
infty ∞ partial ∂ nabla ∇ emptyset ∅ varnothing ∅ forall ∀ exists ∃ nexists ∄ neg ¬ lnot ¬ angle ∠ hbar ℏ ell ℓ
prime ′ degree ° therefore ∴ because ∵ sum ∑ prod ∏ int ∫ iint ∬ oint ∮ ldots … dots … cdots ⋯ vert | Vert ‖ | ‖
langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lbrace { rbrace } { { } } % % $ $ # # & & _ _ aleph ℵ Re ℜ Im ℑ
"""
_PAIRS = _SIGNS.split()
_COMMANDS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True)) | dict.fromkeys(
    (",", ";", ":", " ", "quad", "qquad"), " "
)
_COMMANDS["!"] = ""
_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp min max gcd det dim ker deg arg Pr "
    "sup inf lim mod"
)
_NAMES = frozenset(_FUNCTIONS.split())
_RELATIONS = frozenset("=<>≤≥≠≈≡∼≃≅∝≪≫∈∉∋⊂⊆⊃⊇⊥∥∣⊢⊨→⟶←↔⇒⇐⇔⟹⟺↦")
_OPERATORS = frozenset("+−×÷⋅±∓∪∩∖∧∨⊕⊗∘∙∗")
_BOARD = dict(zip("CNPQRZ", "ℂℕℙℚℝℤ", strict=True))
_UPPER = dict(
    zip("0123456789+−=()abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ", strict=True)
)
_UPPER |= {"∘": "°", "′": "′"}
_LOWER = dict(zip("0123456789+−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_TOKEN = re.compile(r"\\[A-Za-z]++|\\.|[ \t\n~]++|.", re.DOTALL)
_DEPTH = 8  # levels of braces and of arguments
_LENGTH = 400  # code points; nobody reads a longer formula in one line


class _Inexact(Exception):
    """A formula has something that Unicode cannot write exactly."""


def write_unicode(tex: str) -> str | None:
    """Return a formula as Unicode text, None where anything of it would be lost."""
    if len(tex) > _LENGTH:
        return None
    try:
        return " ".join("".join(_Reader(_TOKEN.findall(tex)).read_group(0)).split()) or None
    except _Inexact:
        return None


class _Reader:
    """A reader of one formula's tokens, front to back."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def read_group(self, depth: int) -> list[str]:
        """Return the parts up to the brace that closes this group, or the end."""
        if depth > _DEPTH:
            raise _Inexact
        parts: list[str] = []
        while self._at < len(self._tokens):
            token = self._take()
            if token == "}":
                if depth == 0:
                    raise _Inexact
                return parts
            self._add(token, parts, depth)
        if depth:
            raise _Inexact
        return parts

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1]

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _argument(self, depth: int) -> str:
        """Return what a command, "^" or "_" takes: a group, or one token."""
        if not self._peek().strip(" \t\n~"):
            if not self._peek():
                raise _Inexact
            self._take()
        token = self._take() if self._peek() else "}"
        if token == "{":
            return "".join(self.read_group(depth + 1)).strip()
        if token in "}^_":
            raise _Inexact
        if depth > _DEPTH:
            raise _Inexact
        parts: list[str] = []
        self._add(token, parts, depth + 1)
        return "".join(parts).strip()

    def _add(self, token: str, parts: list[str], depth: int) -> None:
        if token == "{":
            parts.extend(self.read_group(depth + 1))
        elif token in "^_":
            self._add_script(token, parts, depth)
        elif token[0] in " \t\n~":
            parts.append(" ")
        elif token[0] == "\\" and len(token) > 1:
            self._add_command(token[1:], parts, depth)
        elif token in "-'":
            parts.append("−" if token == "-" else "′")
        elif token.isalnum() or token in "()[],.;:!?/*" or unicodedata.category(token) == "Sm":
            parts.append(token)
        else:
            raise _Inexact

    def _add_command(self, name: str, parts: list[str], depth: int) -> None:
        if (sign := _COMMANDS.get(name)) is not None:
            spaced = sign in _RELATIONS | _OPERATORS and sign != "∘" and parts and self._peek()
            parts.append(f" {sign} " if spaced else sign)
        elif name in _NAMES:
            parts.append(f" {name}" if parts and parts[-1][-1:].isalnum() else name)
            if self._peek().isspace() or self._peek()[:1].isalnum() or self._peek()[:1] == "\\":
                parts.append(" ")
        elif name in ("text", "mathrm", "operatorname"):
            parts.append(self._words())
        elif name == "mathbb":
            parts.append(_translate(self._argument(depth), _BOARD))
        elif name == "sqrt" and self._peek() != "[":
            inner = self._argument(depth)
            parts.append("√" + (inner if inner.isalnum() and (len(inner) == 1 or inner.isdecimal()) else f"({inner})"))
        elif name in ("frac", "dfrac", "tfrac"):
            self._add_fraction(parts, depth)
        elif name in ("left", "right"):
            if self._peek() not in ("(", ")", "[", "]", "|", "\\{", "\\}", "\\langle", "\\rangle"):
                raise _Inexact
        else:
            raise _Inexact

    def _words(self) -> str:
        r"""Return the words of `\text{…}` as they stand."""
        if self._peek() != "{":
            raise _Inexact
        self._take()
        words = ""
        while (token := self._take() if self._peek() else "\\") != "}":
            if token[0] in "\\{$^_%&#":
                raise _Inexact
            words += token
        return words

    def _add_script(self, mark: str, parts: list[str], depth: int) -> None:
        if not parts or not parts[-1].strip():
            raise _Inexact  # it hangs from nothing
        braced = self._peek() == "{"
        inner = self._argument(depth).replace(" ", "")
        if not braced and _are_alike(inner, self._peek()[:1]):
            raise _Inexact  # TeX takes one sign alone, whoever wrote `2^10` meant two
        parts.append(_translate(inner, _UPPER if mark == "^" else _LOWER))

    def _add_fraction(self, parts: list[str], depth: int) -> None:
        before = "".join(parts).rstrip()
        if before and before[-1] not in _RELATIONS | _OPERATORS | set("([,;"):
            raise _Inexact  # "x (1/2)" would be a function of one half
        above, below = (_in_brackets(self._argument(depth)) for _ in range(2))
        after = self._peek_sign()
        if after in ("^", "_"):
            raise _Inexact
        alone = not after or after in "+-=<>)],.;:" or _COMMANDS.get(after[1:], "") in _RELATIONS | _OPERATORS
        parts.append(f"{above}/{below}" if alone else f"({above}/{below})")

    def _peek_sign(self) -> str:
        """Return the next token that is no space."""
        return next((token for token in self._tokens[self._at : self._at + 2] if token.strip(" \t\n~")), "")


def _are_alike(char: str, following: str) -> bool:
    return (char.isdecimal() and following.isdecimal()) or (char.isalpha() and following.isalpha())


def _translate(text: str, letters: dict[str, str]) -> str:
    if not text or not all(char in letters for char in text):
        raise _Inexact
    return "".join(letters[char] for char in text)


def _in_brackets(text: str) -> str:
    """Return a numerator or denominator, in brackets unless it is one letter or number."""
    if not text or "/" in text:
        raise _Inexact
    return text if len(text) == 1 or text.isdecimal() else f"({text})"
