"""The store of runs. `open_store` is all that the command line needs."""

from storage.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
