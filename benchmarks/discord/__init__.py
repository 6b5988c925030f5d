"""The speed of the bot on Discord: boards, first words, waits, and the cost of a run."""
