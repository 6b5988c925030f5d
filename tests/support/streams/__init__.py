"""Providers' streams: the recorded ones of the shared folder, and our own in the same shapes under the same names.

What our own say and count is invented. Each has what makes its provider's stream unlike the others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.servers.model_server import Recording, recordings
from tests.support.shared import OWN, SHARED
from tests.support.streams import anthropic, cohere, gemini, openai, responses

# by folder of reference data, then by name
STREAMS: Mapping[Path, Mapping[str, Recording]] = {
    OWN: {**anthropic.STREAMS, **cohere.STREAMS, **gemini.STREAMS, **openai.STREAMS, **responses.STREAMS},
    SHARED: {**recordings(SHARED / "wire"), **recordings(SHARED / "wire-more")},
}
