"""The commands /moot key …: keys that a server gives for its own runs."""

from __future__ import annotations

from pydantic import Field, SecretStr

from bot.actions.actions import Actions
from bot.actions.own_keys import OwnKeyActions
from bot.errors import Refused
from commands.command import Answer, Command, Form, Here, NoOptions, Options, Told, option

PROVIDER, KEY = "whose models it pays for", "the key itself; it is checked once, sealed, and never shown again"


class KeyForm(Options):
    provider: str = Field(description=PROVIDER)
    key: SecretStr = Field(description=KEY)


class KeyOptions(Options):
    """What `KeyForm` brings back. The command itself has no options: others may read what is typed behind it."""

    provider: str = option("", PROVIDER, form_only=True)
    key: SecretStr = option(SecretStr(""), KEY, form_only=True)


class GivenForm(Options):
    provider: str = Field(description="whose key is forgotten")


class GivenOptions(Options):
    provider: str = option("", "whose key is forgotten", form_only=True)


async def _set(actions: Actions, options: KeyOptions, here: Here) -> Answer:
    keys = _require_keys(actions)
    if not options.provider:
        choices = {"provider": keys.list_providers(here.by)}
        return Form("A key for this server", KeyForm, list(KeyForm.model_fields), {}, choices)
    return Told(await keys.give(options.provider, options.key.get_secret_value(), here.by))


async def _remove(actions: Actions, options: GivenOptions, here: Here) -> Answer:
    keys = _require_keys(actions)
    if options.provider:
        return Told(await keys.take_away(options.provider, here.by))
    given = [key.provider for key in await keys.list_given(here.by)]
    if not given:
        return Told(await keys.describe(here.by))
    return Form("Forget a key", GivenForm, list(GivenForm.model_fields), {}, {"provider": given})


async def _list(actions: Actions, options: NoOptions, here: Here) -> Answer:
    return Told(await _require_keys(actions).describe(here.by))


def _require_keys(actions: Actions) -> OwnKeyActions:
    if actions.own_keys is None:
        raise Refused("No keys are kept here.")
    return actions.own_keys


COMMANDS = (
    Command(("moot", "key", "set"), "Give a key that pays for this server's runs.", KeyOptions, _set),
    Command(("moot", "key", "list"), "The keys that this server has given.", NoOptions, _list),
    Command(("moot", "key", "remove"), "Forget a key of this server's.", GivenOptions, _remove),
)
