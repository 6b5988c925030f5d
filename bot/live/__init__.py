"""Live text: lanes say what they should read, a scheduler per budget makes it visible."""
