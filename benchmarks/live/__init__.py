"""How long people wait for text that has been written: our scheduler, the habits of today, and what is possible."""
