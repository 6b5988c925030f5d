"""The composition root and the console: the only place that imports adapters and storage."""
