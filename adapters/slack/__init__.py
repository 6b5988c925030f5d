"""Slack: its two dialects of Markdown."""
