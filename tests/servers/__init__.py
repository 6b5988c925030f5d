"""Servers for tests: they speak the real protocols on 127.0.0.1 and keep logs of the requests."""
