"""Discord: its dialect of Markdown."""
