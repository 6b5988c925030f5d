"""A typer app with the commands and options of `bot.__main__` and empty bodies: how fast `moot --help` could be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
invite = typer.Typer(no_args_is_help=True)
app.add_typer(invite, name="invite", help="The link that brings the bot to a place.")
manifest = typer.Typer(no_args_is_help=True)
app.add_typer(manifest, name="manifest", help="What a platform is told about the app.")
db = typer.Typer(no_args_is_help=True)
app.add_typer(db, name="db", help="The database.")


@app.callback()
def moot() -> None:
    """Several language models at one table: councils, debates and comparisons, live."""


@app.command(name="try")
def try_(ctx: typer.Context) -> None:
    """Run one here."""


@app.command()
def models(available: Annotated[bool, typer.Option("--available", help="what")] = False) -> None:
    """List models."""


@app.command()
def cost(days: Annotated[int, typer.Option(help="how many")] = 30) -> None:
    """Sum up costs."""


@app.command()
def runs() -> None:
    """List runs."""


@app.command()
def show(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Show one."""


@app.command()
def close(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Set one aside."""


@app.command()
def summarise(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Tell a summary."""


@app.command()
def run() -> None:
    """Run the bot."""


@app.command()
def init(
    seat: Annotated[list[str] | None, typer.Option(help="what")] = None,
    chair: Annotated[str | None, typer.Option(help="what")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="what")] = False,
    force: Annotated[bool, typer.Option("--force", help="what")] = False,
) -> None:
    """Write a moot.toml."""


@app.command()
def doctor(
    no_spend: Annotated[bool, typer.Option("--no-spend", help="what")] = False,
    json: Annotated[bool, typer.Option("--json", help="what")] = False,
) -> None:
    """Check it."""


@invite.command()
def discord() -> None:
    """Print a link."""


@manifest.command()
def slack(
    listen: Annotated[bool, typer.Option("--listen", help="what")] = False,
    url: Annotated[str, typer.Option(help="what")] = "",
) -> None:
    """Print a manifest."""


@db.command()
def check() -> None:
    """Check it."""


@db.command()
def backup(path: Annotated[Path, typer.Argument(help="where")]) -> None:
    """Copy it."""


if __name__ == "__main__":
    app()
