"""Kills, faults and floods: the bot as a process of its own, and an audit of what it leaves behind."""
