"""The database's history, one numbered file a step; `storage.migrate` runs what is missing."""
