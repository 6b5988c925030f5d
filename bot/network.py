"""Keys and addresses as people write them, and the way to a host: whether it is nearby, and which proxy leads there."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from urllib.parse import SplitResult, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

_QUOTES = "\"'`´‘’‚‛“”„‟«»‹›"  # what a word processor or a chat puts around a value that is copied
_INVISIBLE = "\ufeff\u200b\u200c\u200d\u2060"  # what comes along when it is copied
_OTHER_TIMES = (9, 10)  # OpenSSL's codes of a certificate that is not valid yet, and not any more
_DEEPEST = 8  # causes of causes
_NEARBY_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa")  # RFC 6761, 6762, 8375, and ICANN 2024


def clean_key(text: str) -> str:
    """Return a key without the blanks, line ends and quotes around it. Raises ValueError where it can be none."""
    key = _strip(text)
    if any(not "!" <= char <= "~" for char in key):
        raise ValueError("a key has no blanks, line ends, quotes or letters beyond ASCII within it: copy it again")
    return key


def clean_address(text: str, schemes: tuple[str, ...] = ("http", "https")) -> str:
    """Return an address without the blanks and quotes around it. Raises ValueError, without quoting it."""
    address = _strip(text)
    try:
        parts = urlsplit(address)
        is_good = parts.scheme.lower() in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, half an IPv6 address
        is_good = False
    if not is_good or any(char.isspace() or not char.isprintable() for char in address):
        raise ValueError(f"an address is written whole, such as {schemes[0]}://127.0.0.1:8000")
    return address


def _strip(text: str) -> str:
    before = ""
    while before != text:
        before, text = text, text.strip().strip(_QUOTES).strip(_INVISIBLE)
    return text


def tell_address(address: str) -> str:
    """Return an address as people may read it: without user, password, query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "an address that cannot be read"
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(SplitResult(parts.scheme, host, parts.path, "", ""))


def is_nearby(address: str) -> bool:
    """Return True where an address, or a host alone, is on this machine or on a private network.

    A name without a dot counts as well, as those of containers are.
    """
    host = (urlsplit(address).hostname or "" if "://" in address else address).rstrip(".").lower()
    found = _read_ip(host)
    if found is not None:
        return not found.is_global
    return bool(host) and ("." not in host or host.endswith(_NEARBY_ENDINGS))


def find_proxy(address: str) -> str | None:
    """Return the environment's proxy for an address, or None: for a host nearby, one of NO_PROXY, or without a proxy.

    aiohttp and discord.py can use a proxy over HTTP alone, so that any other is passed over.
    """
    parts, proxies = urlsplit(address), getproxies()
    host, proxy = parts.hostname or "", proxies.get(parts.scheme) or proxies.get("all") or ""
    is_usable = proxy.startswith(("http://", "https://")) and not is_nearby(host) and not proxy_bypass(host)
    return proxy if is_usable else None


def describe_certificate_error(error: BaseException) -> str:
    """Return why a host's certificate was refused and what to look at, where an error comes of that; else ""."""
    cause: BaseException | None = error
    for _ in range(_DEEPEST):
        # aiohttp's own error of this class has no code; its cause has
        if isinstance(cause, ssl.SSLCertVerificationError) and hasattr(cause, "verify_code"):
            is_clock = cause.verify_code in _OTHER_TIMES
            look = "is this machine's clock right?" if is_clock else "does a proxy stand in between?"
            return f"its certificate is refused, {cause.verify_message}: {look}"
        cause = cause and (cause.__cause__ or cause.__context__)
    return ""


def _read_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Read an IP address in any form that a resolver takes: "127.1", "::ffff:10.0.0.1", "fe80::1%eth0"."""
    try:
        found = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host)) if host[:1].isdigit() else None
        except (OSError, UnicodeError):
            return None
    return getattr(found, "ipv4_mapped", None) or found


def find_place(url: str) -> str:
    """Return hosts and database of a URL of PostgreSQL, as libpq finds them: a password may hold "#" and "?"."""
    rest = url.partition("://")[2]
    who, at, where = rest.partition("@")
    return (where if at and "/" not in who else rest).partition("?")[0]
