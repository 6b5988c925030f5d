"""What the operators' port of a running bot says, read back from its metrics."""

from __future__ import annotations

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from bot.errors import Misconfigured, Refused
from bot.settings.operations import MetricsSettings

_TIMEOUT_S = 10.0
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # listening on all addresses, it is asked on this machine's own

NO_PORT = (
    "metrics.port is not set, so the bot tells nothing of itself. Set it, such as port = 9464, and start it again."
)


class Reading:
    """The metrics of one moment. `at`: loop time in seconds."""

    def __init__(self, text: str, at: float = 0.0) -> None:
        families = text_string_to_metric_families(text)
        self._samples = [sample for family in families for sample in family.samples]
        self.at = at

    def sum(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of that name which have these labels."""
        return sum(s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items())

    def sum_by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """Return the same for each value of a further label."""
        values = {s.labels[label]: None for s in self._samples if s.name == name and label in s.labels}
        return {value: self.sum(name, **{**labels, label: value}) for value in values}


def metrics_url(settings: MetricsSettings) -> str:
    """Return the address of the metrics on this machine. Raises Misconfigured where there is none."""
    if settings.port is None:
        raise Misconfigured(NO_PORT)
    host = _EVERYWHERE.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}/metrics"


async def fetch_metrics(url: str) -> str:
    """Return what a bot's metrics read. Raises Refused where none answers."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S)) as session,
            session.get(url) as answer,
        ):
            answer.raise_for_status()
            return await answer.text()
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Refused(f"No bot answers at {url} ({why}). Is `moot run` up, with these settings?") from error
