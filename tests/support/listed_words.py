"""Texts of pieces that may make up a listed word, or nearly: as hypothesis draws them."""

from __future__ import annotations

from hypothesis import strategies as st

pieces = st.sampled_from(
    [
        *(
            "ham",
            "Foo",
            "foo",
            " ",
            "  ",
            "bar",
            "baz",
            "snark",
            "Stra",
            "ß",
            "ss",
            "e",
            "バ",
            "カ",
            "ハ",
            "\u3099",
            "c",
        ),
        *("+", "+", "caf", "é", "\u0301", "h*t", "नमस्", "ते", "a", "s", ".", "_", "\n", "\t", "\u200b", "\ufe0f", "Ｈ"),
        *("ﬆ", "㌔", "\ud83d", "x"),
    ]
)
texts = st.lists(pieces, max_size=12).map("".join)
