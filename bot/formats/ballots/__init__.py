"""Reading rankings from the text of models."""
