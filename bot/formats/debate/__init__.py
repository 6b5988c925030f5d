"""Debates: who speaks when, the judge, objections, votes, and what changed."""
