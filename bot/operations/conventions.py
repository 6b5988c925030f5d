"""The names of OpenTelemetry's GenAI conventions, in one place, since they still move.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/, in the state of November 2026; our own begin with
"moot.".
"""

from __future__ import annotations

from typing import Final

OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
ERROR: Final = "error.type"
CHAT: Final = "chat"  # the operation of a call

RUN: Final = "moot.run"
FORMAT: Final = "moot.format"
OUTCOME: Final = "moot.outcome"
STAGE: Final = "moot.stage"
ROUND: Final = "moot.round"
SEAT: Final = "moot.seat"
FINISH: Final = "moot.finish"
COST: Final = "moot.cost_usd"
RETRIES: Final = "moot.retries"  # the kind of error after which a call was made again
