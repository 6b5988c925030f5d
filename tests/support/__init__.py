"""What tests stand on: harnesses around real parts, scripted ones in memory, and runs to begin with."""
