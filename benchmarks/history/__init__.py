"""History: how long lists, searches and deletions take in a database of many runs."""
