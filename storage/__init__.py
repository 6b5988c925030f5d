"""Where runs are kept: `open_store` is all that the wiring needs."""

from storage.store import SqlStore, open_store

__all__ = ["SqlStore", "open_store"]
