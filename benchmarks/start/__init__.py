"""How fast Moot starts, each time in a process of its own."""
