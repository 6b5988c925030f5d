"""Formulas: found where a model wrote one, and Unicode only where nothing is lost."""

from __future__ import annotations

import pytest

from bot.live.formulas import match_math, write_unicode


@pytest.mark.parametrize(
    ("tex", "written"),
    [
        (r"x^2", "x²"),
        (r"E = mc^2", "E = mc²"),
        (r"\alpha\le 1", "α ≤ 1"),
        (r"x_{ij} + x^{n+1}", "xᵢⱼ + xⁿ⁺¹"),
        (r"2^{10} \approx 10^3", "2¹⁰ ≈ 10³"),
        (r"e^{-x}", "e⁻ˣ"),
        (r"f: X\to Y", "f: X → Y"),
        (r"x \in \mathbb{R}^n", "x ∈ ℝⁿ"),
        (r"O(n \log n)", "O(n log n)"),
        (r"\sum_{i=1}^{n} x_i", "∑ᵢ₌₁ⁿ xᵢ"),
        (r"\frac{a+b}{2} = \frac12", "(a+b)/2 = 1/2"),
        (r"\frac{1}{2}mv^2", "(1/2)mv²"),
        (r"\sqrt{2}, \sqrt{x+1}", "√2, √(x+1)"),
        (r"\left(x\right)", "(x)"),
        (r"90^\circ", "90°"),
        (r"\text{speed} = 3", "speed = 3"),
        (r"\{1,2\}", "{1,2}"),
        (r"\$5", "$5"),
    ],
)
def test_what_unicode_says_exactly_is_unicode(tex: str, written: str) -> None:
    assert write_unicode(tex) == written


@pytest.mark.parametrize(
    "tex",
    [
        r"\vec{x}",
        r"\mathbf{x}",
        r"\overline{AB}",
        r"\binom{n}{k}",
        r"\sqrt[3]{x}",
        r"x\frac12",
        r"\lim_{x\to 0} x",
        r"a \\ b",
        r"a & b",
        r"\begin{matrix}1\end{matrix}",
        "a_b",
        "x^{y^2}",
        "2^10",
        "x_alpha",
        "x^",
        "^2",
        "}",
        "{x",
        "\\frac{a}{b",
        "{" * 50 + "x" + "}" * 50,
        r"\sqrt" * 50 + "x",
        "x+" * 300,
        "",
    ],
)
def test_anything_else_stays_tex(tex: str) -> None:
    assert write_unicode(tex) is None


@pytest.mark.parametrize(
    ("text", "tex"),
    [
        (r"\(x_1*y_1\)", "x_1*y_1"),
        (r"\[ x \]", " x "),
        (r"\[x=1\]", "x=1"),
        ("$x$-axis", "x"),
        ("$n$th", "n"),
        ("$x$为", "x"),
        ("$10^3$", "10^3"),
        ("$2x_1 + 3$", "2x_1 + 3"),
        (r"$x = \$5$", r"x = \$5"),
        ("$$a$$ and $$b$$", "a"),
    ],
)
def test_a_formula_is_found(text: str, tex: str) -> None:
    match = match_math(text, 0)
    assert match is not None
    assert match[match.lastgroup or 0] == tex


@pytest.mark.parametrize(
    "text",
    [
        "$5 and $10",
        "$5-$10",
        "$20 per user_id in 10$",
        "$HOME:$PATH",
        "$HOME and $PATH",
        "$ x$",
        r"\[1\]",
        r"\[ \]",
        r"\[link\]",
        r"\[a_b\](https://a.b)",
        r"\( \)",
        r"\(a",
    ],
)
def test_money_shell_and_escaped_brackets_are_no_formulas(text: str) -> None:
    assert match_math(text, 0) is None
