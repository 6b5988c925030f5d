"""How fast the bot on Discord is: boards, first words, waits, and what a run costs."""
