"""Helpers of the tests: real parts put together, scripted ones in memory, and runs to begin with."""
