"""Runs as files: exports in every form, their import, and what was shown when."""
