"""The database's history, one numbered file a step; `storage.versions` runs what is missing."""
