"""The Protocols through which the core meets the world. Adapters and storage implement them."""
