"""Slack: its Web API and events on one side, the ports of Moot on the other."""
