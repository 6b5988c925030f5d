"""What all tests share."""

from __future__ import annotations

import hypothesis

# A deadline would be a timed assertion, and machines are noisy. The examples are the same every time, so that a
# change is judged by itself; `pytest --hypothesis-profile=default` looks for new ones.
hypothesis.settings.register_profile("moot", deadline=None, max_examples=60, derandomize=True)
hypothesis.settings.load_profile("moot")
