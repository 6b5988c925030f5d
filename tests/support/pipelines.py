"""Steps of pipelines for tests."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from bot.domain.run import Step


def make_step(name: str, *inputs: str, seats: Sequence[str] = ("ada",)) -> Step:
    return Step(name, f"Do {name}.", tuple(seats), inputs or ("question",))


@st.composite
def draw_steps(draw: st.DrawFn) -> tuple[Step, ...]:
    """Draw steps whose inputs are any of those before them."""
    names = [f"s{n}" for n in range(draw(st.integers(1, 7)))]
    return tuple(
        make_step(
            name,
            *draw(st.lists(st.sampled_from(["question", *names[:n]]), min_size=1, max_size=3, unique=True)),
            seats=draw(st.lists(st.sampled_from(["ada", "bob", "chair"]), min_size=1, max_size=2, unique=True)),
        )
        for n, name in enumerate(names)
    )
