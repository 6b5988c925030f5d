"""Figures against a peer or a bound, measured in the same run; `python -m benchmarks.NAME [--json]`."""
