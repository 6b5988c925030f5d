"""The question before a run is deleted: what goes and what stays."""

from __future__ import annotations

import pytest

from commands.deletion import describe_deletion


@pytest.mark.parametrize(
    ("messages", "goes"),
    [
        (0, "All its texts go: question, answers, votes and remarks."),
        (1, "Its one message goes, and all its texts: question, answers, votes and remarks."),
        (7, "Its 7 messages go, and all its texts: question, answers, votes and remarks."),
    ],
)
def test_before_a_run_is_deleted_it_is_told_what_goes_and_what_stays(messages: int, goes: str) -> None:
    assert describe_deletion(messages) == (
        f"Delete this run for everybody? {goes} What people wrote there themselves stays, and so does what the run "
        "has cost, without names, in the sums. This cannot be taken back."
    )
