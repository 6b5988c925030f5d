"""Moot's core: knows no platform's SDK and no database."""
