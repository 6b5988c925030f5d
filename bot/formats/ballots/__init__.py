"""Rankings read out of what models write."""
