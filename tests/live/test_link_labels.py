"""Links whose labels read like another address: both are shown, on every platform."""

from __future__ import annotations

import pytest

from bot.live.dialect import has_false_label


@pytest.mark.parametrize(
    ("label", "url", "is_false"),
    [
        ("bank.com", "https://evil.example", True),
        ("**bank.com**", "https://evil.example", True),
        ("see www.bank.com/login", "https://evil.example", True),
        ("bank.com", "https://bank.com@evil.example", True),
        ("bank\u200b.com", "https://evil.example", True),
        ("\uff42ank\uff0ecom", "https://evil.example", True),
        ("1.2.3.4", "http://5.6.7.8", True),
        ("www.bank.com", "https://bank.com/login", False),
        ("our docs", "https://evil.example", False),
        ("version 3.14, e.g.", "https://evil.example", False),
    ],
)
def test_a_label_that_names_another_address_is_false(label: str, url: str, is_false: bool) -> None:
    assert has_false_label(label, url) == is_false
