"""Debates: the speaking order, the judge, objections, votes, and the swing of opinion."""
