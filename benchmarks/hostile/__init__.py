"""The benchmark of hostile texts: how long one of them holds the loop, wherever it comes in."""
