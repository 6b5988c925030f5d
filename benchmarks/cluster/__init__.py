"""Gateways and workers on one PostgreSQL: killed, asleep, cut off and replaced, and an audit of what they leave."""
