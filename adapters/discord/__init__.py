"""Discord: its gateway, REST and interactions on one side, the ports of Moot on the other."""
