"""Councils: answers, anonymous reviews, standings, and a chair."""
