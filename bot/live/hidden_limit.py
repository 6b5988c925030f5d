"""A limit of which a platform tells nothing before it refuses."""

from __future__ import annotations

from bot.live.budget import SlidingWindow

MINUTE_S = 60.0
SHORT_S = 15.0  # a refusal for less tells of no limit by the minute
ON_ITS_WAY_S = 0.25  # the answer that says how long is left of the minute
FEW = 5  # calls in a minute that spend no such limit: others have spent it
NO_LIMIT = 1_000_000


class HiddenLimit(SlidingWindow):
    """No limit, until a refusal that nothing foretold: from then on what was allowed in the minute that ran.

    Discord is said to allow about 30 posts of a webhook a minute and channel, though its bucket has room
    (https://github.com/discord/discord-api-docs/issues/367, issues/4043).
    """

    def __init__(self) -> None:
        super().__init__(NO_LIMIT, MINUTE_S)

    def _guess_limit(self, now: float, retry_after_s: float) -> int:
        """Return what was sent since the platform's minute began, but for the call that it refused.

        Where that was little, or the minute is nearly over, other people's calls were too many, and nothing is learnt.
        """
        left_s = retry_after_s - ON_ITS_WAY_S if retry_after_s < MINUTE_S else 0.0
        sent = self._flying + sum(end >= now + left_s for end in self._ends) - 1
        return self.limit if sent < FEW or retry_after_s < SHORT_S else sent
