"""Every setting: declared, read, and checked. `settings.py` has them all."""
