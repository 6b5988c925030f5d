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
def cost(
    run: Annotated[str, typer.Argument(help="which")] = "", days: Annotated[int, typer.Option(help="how many")] = 30
) -> None:
    """Sum up costs."""


@app.command()
def runs(
    words: Annotated[list[str] | None, typer.Argument(help="which")] = None,
    person: Annotated[str, typer.Option(help="who")] = "",
    format: Annotated[str, typer.Option(help="which")] = "",
    state: Annotated[str, typer.Option(help="which")] = "",
    panel: Annotated[str, typer.Option(help="which")] = "",
    page: Annotated[int, typer.Option(min=1, help="which")] = 1,
) -> None:
    """List runs."""


@app.command()
def name(
    run: Annotated[str, typer.Argument(help="which")], name: Annotated[str, typer.Argument(help="how")] = ""
) -> None:
    """Name one."""


@app.command()
def archive(
    run: Annotated[str, typer.Argument(help="which")],
    undo: Annotated[bool, typer.Option("--undo", help="what")] = False,
) -> None:
    """Archive one."""


@app.command()
def show(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Show one."""


@app.command()
def export(
    run: Annotated[str, typer.Argument(help="which")] = "",
    format: Annotated[str, typer.Option(help="how")] = "md",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="where")] = None,
    person: Annotated[str, typer.Option(help="whose")] = "",
) -> None:
    """Write one as a file."""


@app.command()
def forget(
    person: Annotated[str, typer.Argument(help="whom")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="whether")] = False,
) -> None:
    """Forget somebody."""


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="which")],
    votes: Annotated[Path | None, typer.Argument(help="which")] = None,
) -> None:
    """Read one in."""


@app.command()
def leaderboard(
    server: Annotated[str | None, typer.Option(help="which")] = None,
    format: Annotated[str | None, typer.Option(help="which")] = None,
    json: Annotated[bool, typer.Option("--json", help="how")] = False,
    picture: Annotated[Path | None, typer.Option(help="where")] = None,
) -> None:
    """Rank models."""


@app.command()
def replay(
    run: Annotated[str, typer.Argument(help="which")],
    speed: Annotated[float, typer.Option(min=0.1, max=1000, help="how fast")] = 1.0,
) -> None:
    """Show one as it happened."""


@app.command()
def demo(speed: Annotated[float, typer.Option(min=0.1, max=1000, help="how fast")] = 1.0) -> None:
    """Play a scripted one."""


@app.command()
def close(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Set one aside."""


@app.command()
def summarise(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Tell a summary."""


@app.command()
def resume(run: Annotated[str, typer.Argument(help="which")]) -> None:
    """Go on with one."""


@app.command()
def run(role: Annotated[str, typer.Option(help="which part")] = "all") -> None:
    """Run the bot."""


@app.command()
def reload() -> None:
    """Read the settings again."""


@app.command()
def top() -> None:
    """Show what it does."""


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


@db.command()
def move(to: Annotated[str, typer.Argument(help="where")]) -> None:
    """Move it."""


@db.command()
def vacuum() -> None:
    """Shorten it."""


if __name__ == "__main__":
    app()
