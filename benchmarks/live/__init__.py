"""The wait of people for text that has been written: with our scheduler, with the habits of today, and at best."""
