"""What all tests share."""

from __future__ import annotations

import hypothesis

# a deadline would be a timed assertion, and machines are noisy
hypothesis.settings.register_profile("moot", deadline=None, max_examples=60)
hypothesis.settings.load_profile("moot")
