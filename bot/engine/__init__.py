"""Runs that this process executes: supervised, conducted, journalled, and shown."""
