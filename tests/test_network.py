"""Keys and addresses as people write them, and which addresses are near."""

from __future__ import annotations

import pytest

from bot.network import clean_address, clean_key, is_nearby, tell_address


@pytest.mark.parametrize(
    "written",
    [
        "k-1",
        " k-1 ",
        "k-1\n",
        "k-1\r\n",
        "\ufeffk-1",
        '"k-1"',
        "'k-1'",
        "“k-1”",
        "„k-1“",
        "`k-1`",
        " “ k-1 ” \n",
        "k-1\u200b",
    ],
)
def test_a_key_is_stripped(written: str) -> None:
    assert clean_key(written) == "k-1"


@pytest.mark.parametrize("written", ["k 1", "k\n1", "k–1", "ключ", "k\x001", "k”1", "k\u200b1"])
def test_what_can_be_no_key_is_said_without_it(written: str) -> None:
    with pytest.raises(ValueError, match="copy it again") as caught:
        clean_key(written)
    assert written not in str(caught.value)


@pytest.mark.parametrize(
    "written", ["http://h:1/v1", " http://h:1/v1\n", "“http://h:1/v1”", "\ufeffhttp://h:1/v1", "'http://h:1/v1'"]
)
def test_an_address_is_stripped(written: str) -> None:
    assert clean_address(written) == "http://h:1/v1"


@pytest.mark.parametrize(
    "written",
    [
        "h",
        "localhost:11434",
        "127.0.0.1:8000/v1",
        "//h/v1",
        "http:/h",
        "http://",
        "http://:8000",
        "htp://h",
        "ftp://h",
        "http://h:port",
        "http://h:99999",
        "http://h:0",
        "http://[::1",
        "http://h/a b",
        "http://h\n.example",
        "secret",
    ],
)
def test_what_is_no_address_is_said_without_it(written: str) -> None:
    with pytest.raises(ValueError, match="such as http://") as caught:
        clean_address(written)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://u:p@h:1/v1?key=k#f", "https://h:1/v1"),
        ("https://token@h", "https://h"),
        ("https://a@b@h/", "https://h/"),
        ("http://[::1]:8/v1", "http://[::1]:8/v1"),
        ("http://[::1", "an address that cannot be read"),
    ],
)
def test_an_address_is_told_without_secrets(address: str, told: str) -> None:
    assert tell_address(address) == told


@pytest.mark.parametrize(
    "near",
    [
        *(
            "127.0.0.1",
            "127.9.9.9",
            "127.1",
            "2130706433",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
        ),
        *("10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.1.1", "100.64.0.1", "::1", "[::1]", "fe80::1", "fd00::1"),
        *("::ffff:127.0.0.1", "fe80::1%eth0", "ollama", "box.local", "nas.lan", "host.docker.internal"),
        *("http://127.0.0.1:11434", "http://u:p@[::1]:8080/v1", "https://ollama/v1"),
    ],
)
def test_hosts_nearby(near: str) -> None:
    assert is_nearby(near)


@pytest.mark.parametrize(
    "far",
    ["8.8.8.8", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700::1", "api.openai.com", "10.example", "https://x.ai/v1", ""],
)
def test_hosts_far_away(far: str) -> None:
    assert not is_nearby(far)
