"""Every metric that Moot exports: its name, its labels, its buckets. Dashboards, alerts and docs name no other.

Labels are bounded by settings and by code: models and providers that are configured, platforms, formats, kinds. No run,
person, place or text is ever a label.
"""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.process_collector import ProcessCollector

FIRST_TOKEN: Final = "moot_first_token_seconds"
FIRST_LINE: Final = "moot_first_line_seconds"
WAITED: Final = "moot_character_wait_seconds_total"
SHOWN: Final = "moot_characters_shown_total"
REQUESTS: Final = "moot_platform_requests_total"
REQUEST_TIME: Final = "moot_platform_request_seconds"
BUDGETS: Final = "moot_budgets"
CONNECTED: Final = "moot_platform_connected"
RUNS_STARTED: Final = "moot_runs_started_total"
RUNS_ENDED: Final = "moot_runs_ended_total"
RUNS: Final = "moot_runs"
SPEAKING: Final = "moot_seats_speaking"
TURNS: Final = "moot_turns_total"
TURN_FAILURES: Final = "moot_turn_failures_total"
CALLS: Final = "moot_provider_calls_total"
RETRIES: Final = "moot_provider_retries_total"
TOKENS: Final = "moot_tokens_total"
COST: Final = "moot_cost_usd_total"
UNPRICED: Final = "moot_unpriced_turns_total"
CAP_ROOM: Final = "moot_cap_room_usd"
CAP_USED: Final = "moot_cap_used_ratio"
QUEUES: Final = "moot_queue_length"
LOOP_LAG: Final = "moot_loop_lag_seconds"
DATABASE: Final = "moot_database_bytes"
DATABASE_WRITABLE: Final = "moot_database_writable"
MEMORY: Final = "process_resident_memory_bytes"  # prometheus_client's own, on Linux

SPEECH_BUCKETS_S = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 15.0, 30.0, 60.0, 120.0, 300.0)
REQUEST_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 15.0)
LAG_BUCKETS_S = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        Info("moot_build", "The version that runs.", registry=self.registry).info({"version": version})
        by_model = ("model", "platform")
        self.first_token = self._histogram(
            FIRST_TOKEN, "From a turn's start to its first words, waits in line included.", by_model, SPEECH_BUCKETS_S
        )
        self.first_line = self._histogram(
            FIRST_LINE, "From a turn's start to its first words in the place that shows them first.", by_model
        )
        self.waited = self._counter(
            WAITED, "Waits of turns' characters, from being written to being shown, added up.", "platform"
        )
        self.shown = self._counter(SHOWN, "Characters of turns that became visible.", "platform")
        self.requests = self._counter(
            REQUESTS, "Requests that show something; status 0: no answer came.", "platform", "method", "status"
        )
        self.request_time = self._histogram(
            REQUEST_TIME, "From such a request to its answer.", ("platform", "method"), REQUEST_BUCKETS_S
        )
        self.budgets = self._gauge(
            BUDGETS, "Budgets of requests that have one to spend now, or none.", "platform", "room"
        )
        self.connected = self._gauge(CONNECTED, "1 while the platform is connected.", "platform")
        self.runs_started = self._counter(RUNS_STARTED, "Runs that people have started.", "format")
        self.runs_ended = self._counter(RUNS_ENDED, "Runs that are over.", "format", "outcome")
        self.runs = self._gauge(RUNS, "Runs that this process holds.", "format", "state")
        self.speaking = self._gauge(SPEAKING, "Seats that speak now, or wait to.", "model")
        self.turns = self._counter(TURNS, "Turns that ended, however they did.", "model", "finish")
        self.turn_failures = self._counter(TURN_FAILURES, "Turns that failed.", "model", "kind")
        self.calls = self._counter(CALLS, "Calls of providers, each try by itself.", "provider", "outcome")
        self.retries = self._counter(RETRIES, "Tries after one that failed, by its kind.", "provider", "kind")
        self.tokens = self._counter(TOKENS, "Tokens of turns; thinking is part of output.", "model", "kind")
        self.cost = self._counter(COST, "What turns of known price have cost, in US dollars.", "model")
        self.unpriced = self._counter(UNPRICED, "Turns whose price is unknown.", "model")
        self.cap_room = self._gauge(CAP_ROOM, "What is left under a limit on spending, where least is.", "cap")
        self.cap_used = self._gauge(CAP_USED, "The share of a limit on spending that is used, where most is.", "cap")
        self.queues = self._gauge(QUEUES, "What waits for its turn.", "queue")
        self.loop_lag = self._histogram(LOOP_LAG, "How late the event loop came round.", (), LAG_BUCKETS_S)
        self.database = self._gauge(DATABASE, "The size of the database with its log.")
        self.database_writable = self._gauge(DATABASE_WRITABLE, "1 while the database takes what is written.")

    def _histogram(
        self, name: str, told: str, labels: tuple[str, ...], buckets: tuple[float, ...] = SPEECH_BUCKETS_S
    ) -> Histogram:
        return Histogram(name, told, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(name, told, labels, registry=self.registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(name, told, labels, registry=self.registry)
