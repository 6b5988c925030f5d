"""The command line: each command imports what it needs when it is called, so that `--help` answers at once."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Several language models at one table: councils, debates and comparisons, live.",
)
invite = typer.Typer(no_args_is_help=True)
app.add_typer(invite, name="invite", help="The link that brings the bot to a place, and why it asks for what.")
manifest = typer.Typer(no_args_is_help=True)
app.add_typer(manifest, name="manifest", help="What a platform is told about the app when it is made.")

db = typer.Typer(no_args_is_help=True)
app.add_typer(db, name="db", help="The database: whether it is whole, backups of it, and its size.")


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # as all others

        typer.echo(f"moot {version('moot')}")
        raise typer.Exit


@app.callback()
def take_options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None: ...


class UnparsedCommand(TyperCommand):
    """A command that passes its arguments on unparsed: importing what declares them would slow `moot --help`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        ctx.args = args
        return args


@app.command(
    name="try", cls=UnparsedCommand, help="Run one council, debate, comparison or pipeline here in the terminal."
)
def try_(ctx: typer.Context) -> None:
    from adapters.terminal.options import make_program  # imports the commands, rich and pydantic: half a second
    from bot.cli.exit import run_guarded  # and litellm's errors
    from bot.cli.try_run import try_once  # and the database

    program = make_program(lambda *typed: run_guarded(try_once(*typed)), ctx.command.help or "")
    raise typer.Exit(program(ctx.args, prog_name=ctx.command_path, standalone_mode=False))


@app.command(help="The models as configured: keys, prices, windows, and where each value comes from.")
def models(
    available: Annotated[bool, typer.Option("--available", help="also ask each provider what it offers")] = False,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.show import show_models

    raise typer.Exit(run_guarded(show_models(available)))


@app.command(help="What was spent: by day, model, format and person; or of one run, by seat and stage.")
def cost(
    run: Annotated[str, typer.Argument(help="as `moot runs` names it; all of them where left out")] = "",
    days: Annotated[int, typer.Option(min=1, max=3650, help="how many of the latest days")] = 30,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.show import show_costs, show_run_costs

    raise typer.Exit(run_guarded(show_run_costs(run) if run else show_costs(days)))


@app.command(help="The runs so far, newest first.")
def runs(
    words: Annotated[list[str] | None, typer.Argument(help="that all stand in a run")] = None,
    person: Annotated[str, typer.Option(help="who asked, by the platform's id: discord:123")] = "",
    format: Annotated[str, typer.Option(help="council, debate, compare, pipeline or summary")] = "",
    state: Annotated[str, typer.Option(help="open, over, failed or archived")] = "",
    panel: Annotated[str, typer.Option(help="of the runs that name this panel")] = "",
    page: Annotated[int, typer.Option(min=1, max=1_000_000, help="of twenty runs each")] = 1,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.show import show_runs

    raise typer.Exit(run_guarded(show_runs(" ".join(words or ()), person, format, state, panel, page)))


@app.command(help="Give a run a name, by which lists have it, also while the bot runs.")
def name(
    run: Annotated[str, typer.Argument(help="as `moot runs` names it")],
    name: Annotated[str, typer.Argument(help="80 characters at most; its question again where left out")] = "",
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.keeping import name_run

    raise typer.Exit(run_guarded(name_run(run, name)))


@app.command(help="Leave a run out of lists, also while the bot runs; `moot runs --state archived` finds it.")
def archive(
    run: Annotated[str, typer.Argument(help="as `moot runs` names it")],
    undo: Annotated[bool, typer.Option("--undo", help="have it in lists again")] = False,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.keeping import archive_run

    raise typer.Exit(run_guarded(archive_run(run, undo=undo)))


@app.command(help="Print the thread of a run again.")
def show(run: Annotated[str, typer.Argument(help="as `moot runs` names it")]) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.show import show_run

    raise typer.Exit(run_guarded(show_run(run)))


@app.command(help="Write a run as a file: Markdown or HTML to read, JSON to keep or import, a card to share.")
def export(
    run: Annotated[str, typer.Argument(help="as `moot runs` names it")] = "",
    format: Annotated[str, typer.Option(help="md, json, html or card")] = "md",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="where to; printed where left out")] = None,
    person: Annotated[str, typer.Option(help="instead of a run, all that is kept of a person: discord:123")] = "",
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.people import export_person
    from bot.cli.records import export_once

    if bool(run) == bool(person):
        raise typer.BadParameter("name a run, or a person by --person")
    if person:
        raise typer.Exit(run_guarded(export_person(person, out)))
    raise typer.Exit(run_guarded(export_once(run, format, out)))


@app.command(help="Let go all that is kept of a person: their runs, and what they said and voted in others'.")
def forget(
    person: Annotated[str, typer.Argument(help="by the platform's id: discord:123")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="do it; without, only say what would go")] = False,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.people import forget_somebody

    raise typer.Exit(run_guarded(forget_somebody(person, yes=yes)))


@app.command(name="import", help="Read in a run that was exported as JSON, or by `import votes FILE` votes as CSV.")
def import_(
    file: Annotated[Path, typer.Argument(help="the file, or the word votes")],
    votes: Annotated[Path | None, typer.Argument(help="behind that word: a file with left, right and winner")] = None,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.records import import_once
    from bot.cli.votes import import_votes

    if votes is None:
        raise typer.Exit(run_guarded(import_once(file)))
    if str(file) != "votes":
        raise typer.BadParameter(f"one file at a time, or `moot import votes {votes}`")
    raise typer.Exit(run_guarded(import_votes(votes)))


@app.command(help="Models by people's votes between answers that were shown together.")
def leaderboard(
    server: Annotated[str | None, typer.Option(help="of one server alone, by its id")] = None,
    format: Annotated[str | None, typer.Option(help="council, debate or compare; all of them where left out")] = None,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
    picture: Annotated[Path | None, typer.Option(help="draw it into this file, a PNG for a phone")] = None,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.leaderboard import show_leaderboard

    raise typer.Exit(run_guarded(show_leaderboard(server, format, json, picture)))


@app.command(help="Show a run once more as it happened.")
def replay(
    run: Annotated[str, typer.Argument(help="as `moot runs` names it, or an events file")],
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="so many times as quickly")] = 1.0,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.replay import replay_once

    raise typer.Exit(run_guarded(replay_once(run, speed)))


@app.command(help="Play a scripted council here in the terminal: no key, no model, no network.")
def demo(
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="so many times as quickly")] = 1.0,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.replay import play_demo

    raise typer.Exit(run_guarded(play_demo(speed)))


@app.command(help="Set a run aside that goes on when it should not, also while the bot runs.")
def close(run: Annotated[str, typer.Argument(help="as `moot runs` names it")]) -> None:
    from bot.cli.close import close_run  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(close_run(run)))


@app.command(help="Tell what has been said in a run so far; the model of its chair is asked.")
def summarise(run: Annotated[str, typer.Argument(help="as `moot runs` names it")]) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.try_run import summarise_once

    raise typer.Exit(run_guarded(summarise_once(run)))


@app.command(help="Go on here with a run of the terminal that was cut off, as by a crash.")
def resume(run: Annotated[str, typer.Argument(help="as `moot runs` names it")]) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.try_run import resume_once

    raise typer.Exit(run_guarded(resume_once(run)))


@app.command(help="Run the bot on the platforms that are configured.")
def run(
    role: Annotated[
        Literal["gateway", "worker"] | None,
        typer.Option(help="one of several processes on PostgreSQL: it hears platforms, or conducts runs"),
    ] = None,
) -> None:
    from bot.cli.exit import run_guarded  # as above, and discord.py
    from bot.cli.serve import run_bot

    raise typer.Exit(run_guarded(run_bot(role)))


@app.command(help="Have the running bot read its settings again: models, panels, limits and servers change at once.")
def reload() -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.reload import reload_settings

    raise typer.Exit(run_guarded(reload_settings()))


@app.command(help="What the running bot does now: runs, seats, waits, limits; refreshed until Ctrl-C.")
def top() -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.top import show_top

    raise typer.Exit(run_guarded(show_top()))


@app.command(help="Write a moot.toml from the keys and model servers that are found here.")
def init(
    seat: Annotated[list[str] | None, typer.Option(help="a model that sits at the table; once for each")] = None,
    chair: Annotated[str | None, typer.Option(help="the model that sums up and judges")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="ask nothing, take the usual")] = False,
    force: Annotated[bool, typer.Option("--force", help="replace the moot.toml that is there")] = False,
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.init import write_first_settings

    raise typer.Exit(run_guarded(write_first_settings(seats=seat or (), chair=chair, ask=not yes, force=force)))


@app.command(help="Look at settings, database, models and platforms, and say what to do about each failure.")
def doctor(
    no_spend: Annotated[bool, typer.Option("--no-spend", help="check keys and endpoints without paying")] = False,
    json: Annotated[bool, typer.Option("--json", help="one JSON object")] = False,
) -> None:
    from bot.cli.doctor import run_doctor  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(run_doctor(spend=not no_spend, json_object=json)))


@invite.command(help="The link that invites the bot to a Discord server, with exactly the permissions it uses.")
def discord() -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.install import print_discord_invite

    raise typer.Exit(run_guarded(print_discord_invite()))


@manifest.command(help="The manifest of the Slack app, each scope and event with its reason.")
def slack(
    listen: Annotated[bool, typer.Option("--listen", help="with the scopes to read plain messages")] = False,
    url: Annotated[str, typer.Option(help="https://…, where Slack reaches this host; Socket Mode without")] = "",
) -> None:
    from bot.cli.exit import run_guarded  # as above
    from bot.cli.install import print_slack_manifest

    raise typer.Exit(run_guarded(print_slack_manifest(listen=listen, url=url)))


@db.command(help="Look at every page, run and fact, also while the bot runs.")
def check() -> None:
    from bot.cli.db import check_database  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(check_database()))


@db.command(help="Copy the database while the bot runs, and check the copy.")
def backup(path: Annotated[Path, typer.Argument(help="a new file")]) -> None:
    from bot.cli.db import back_up_database  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(back_up_database(path)))


@db.command(help="Copy the stopped bot's store into an empty one, file or PostgreSQL, and compare every row.")
def move(
    to: Annotated[str, typer.Argument(help="a new file, postgresql://…, or file:PATH that holds one")],
) -> None:
    from bot.cli.db import move_database  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(move_database(to)))


@db.command(help="Give the room of deleted runs back to the disk, also while the bot runs.")
def vacuum() -> None:
    from bot.cli.db import vacuum_database  # as above
    from bot.cli.exit import run_guarded

    raise typer.Exit(run_guarded(vacuum_database()))


def main() -> None:
    gc.disable()  # until `run_guarded`: looking for garbage takes a fifth of a command's imports
    for stream in filter(None, (sys.stdout, sys.stderr)):
        if stream.errors in ("strict", "surrogateescape"):  # the second in the locale C
            stream.reconfigure(errors="replace")  # what the terminal's encoding has no sign for becomes "?"
    try:
        status = app(standalone_mode=False)
    except typer.Abort:  # the keyboard is closed
        status = 1
    except (typer.TyperException, OSError) as error:
        from bot.cli.exit import complain_of_usage  # as above

        status = complain_of_usage(error)
    sys.exit(status)


if __name__ == "__main__":
    main()
