"""Checks of models: one tiny answer, or, without spending, the provider's list of models."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from contextlib import aclosing
from functools import partial
from typing import assert_never

from bot.doctor import Check, Finding, State, as_warning
from bot.domain.asks import Ask, Part
from bot.domain.run import Seat
from bot.models import listing
from bot.models.catalogue import Model, has_key, key_of, key_state, prefix_of
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.network import tell_address
from bot.settings.settings import DeadlineSettings

DEADLINES = DeadlineSettings(first_token_timeout_s=20.0, idle_timeout_s=10.0, total_timeout_s=30.0)
_ANSWER_TOKENS = 64
_ASK = Ask((Part("user", "Answer with one word: yes.", cut="never"),))
_LOOK = Ask((Part("user", "Search the web for the latest release of Python.", cut="never"),), query="Python release")


def model_checks(models: Mapping[str, Model], needed: Collection[str], speaker: Speaker | None) -> list[Check]:
    """Return a check for each model. Faults of models that are not `needed` are warnings.

    Without a speaker nothing is spent.
    """
    return [
        Check(f"model {model.key}", partial(_check_model, model, model.key in needed, speaker))
        for model in models.values()
    ]


def search_check(model: Model, seat: Seat, speaker: Speaker | None) -> Check:
    """Return the check of the web search. Runs go on without it, so its faults are warnings."""
    return Check("search", partial(_check_search, model, seat, speaker))


async def _check_search(model: Model, seat: Seat, speaker: Speaker | None) -> list[Finding]:
    if not has_key(model):
        missing = f"{model.name} has no key, so nothing is searched for"
        return [Finding("search", "warning", missing, f"Set {_key_place(model)}.")]
    if speaker is None:
        return [Finding("search", "ok", f"{model.name}; not looked at, as a search costs")]
    await speaker.warm_up()
    now = asyncio.get_running_loop().time
    asked_at = now()
    try:
        async with aclosing(speaker.speak(seat, _LOOK)) as deltas:
            async for _ in deltas:
                pass
    except ProviderError as error:
        return [Finding("search", "warning", f"{model.name}: {error.text}", "Correct [search]; runs go on without it.")]
    took_s = round(now() - asked_at, 2)
    return [Finding("search", "ok", f"{model.name} answered in {took_s:.1f} s", latency_s=took_s)]


async def _check_model(model: Model, is_needed: bool, speaker: Speaker | None) -> list[Finding]:
    if not has_key(model):
        found = _finding(model, "broken", _tell_missing(model), f"Set {_key_place(model)}.")
    elif speaker is None:
        found = await _check_listed(model)
    else:
        found = await _check_answer(model, speaker)
    return [found if is_needed else as_warning(found)]


async def _check_answer(model: Model, speaker: Speaker) -> Finding:
    await speaker.warm_up()  # loading litellm is no part of the latency
    now = asyncio.get_running_loop().time
    seat, asked_at = Seat("doctor", model.key, model.name, max_tokens=_ANSWER_TOKENS), now()
    try:
        async with aclosing(speaker.speak(seat, _ASK)) as deltas:
            async for _ in deltas:
                pass
    except ProviderError as error:
        return _error_finding(model, error, round(now() - asked_at, 2))
    took_s = round(now() - asked_at, 2)
    return _finding(model, "ok", f"answered in {took_s:.1f} s", latency_s=took_s)


async def _check_listed(model: Model) -> Finding:
    """Check key and endpoint by the list of models, which costs nothing."""
    try:
        offered = await listing.fetch_available(model)
    except ProviderError as error:
        if error.kind == "not_found":  # of the list, not of the model
            return _finding(
                model, "warning", f"not looked at: {error.text}", "`moot doctor` asks it for a tiny answer."
            )
        return _error_finding(model, error)
    takes = "takes the key and" if key_of(model) else "asks for no key and"
    if any(name.startswith(_full_name(model)) for name in offered):  # a dated name stands for its alias
        return _finding(model, "ok", f"{model.provider} {takes} lists it")
    unlisted = f"{model.provider} {takes} does not list {model.litellm}"
    return _finding(model, "warning", unlisted, "`moot models --available` shows what it lists.")


def _full_name(model: Model) -> str:
    """Return a model's name as `listing.fetch_available` writes it: litellm also takes some without their provider."""
    return model.litellm if "/" in model.litellm else f"{prefix_of(model)}/{model.litellm}"


def _error_finding(model: Model, error: ProviderError, took_s: float | None = None) -> Finding:
    """Say what a provider's error means before any run."""
    match error.kind:
        case "key":
            remedy = f"Put a valid key into {_key_place(model)}."
        case "billing":
            remedy = "Look at the account's balance and limits with the provider."
        case "not_found":
            remedy = "`moot models --available` shows what there is; correct its litellm name or api_base."
        case "unreachable" if model.api_base:
            remedy = f"Start the server at {tell_address(model.api_base)}, or correct api_base."
        case "unreachable":
            remedy = "Look at this machine's network and the provider's status page."
        case "window":
            remedy = "Its context_window is too small for any question: correct it."
        case "ours":
            remedy = "Install Moot again (`make venv`); if it stays, report it: the provider was not at fault."
        case "other":
            remedy = "The provider's own words say why."
        case "no_text" if not model.thinks and model.max_tokens is not None:
            used = f"{_ANSWER_TOKENS} tokens were used up before any visible text, as by unseen thinking: with "
            meaning = f"{used}max_tokens = {model.max_tokens:,} its answers may stay empty"
            remedy = f"Set models.{model.key}.max_tokens = 0 (none) or 8000, or an effort, so that thinking has room."
            return _finding(model, "warning", meaning, remedy, took_s)
        case "no_text":  # a thinking model needs more than a tiny answer's tokens
            return _finding(model, "ok", "it answers; what it was allowed held no visible text", latency_s=took_s)
        case "rate_limit" | "refused" | "stalled" | "broken_off" | "cap":
            return _finding(model, "warning", error.text, "It may pass: try again in a minute.", took_s)
        case _ as never:
            assert_never(never)
    return _finding(model, "broken", error.text, remedy, took_s)


def _tell_missing(model: Model) -> str:
    state = key_state(model)
    why = state if state.startswith("unusable") else "it has no key"
    return f"{why}, so runs go on without it"


def _key_place(model: Model) -> str:
    """Name the variable, or the setting, in which the key is or should be."""
    state = key_state(model)
    if state.startswith(("in ", "missing: set ")):
        return state.rpartition(" ")[2]
    if state.startswith("unusable: "):
        return state.split()[1].rstrip(":")
    return f"models.{model.key}.api_key"


def _finding(model: Model, state: State, meaning: str, remedy: str = "", latency_s: float | None = None) -> Finding:
    return Finding(f"model {model.key}", state, meaning, remedy, latency_s)
