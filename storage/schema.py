"""The tables. A change here comes with a migration; a test keeps the two alike."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
    text,
)

from storage.columns import TextJson

READABLE_FROM = "0003"  # readers look at what came later only where it is there
HEAD = "0015"  # the newest migration; alembic knows it too, but takes half a second to import

HELD = "owner IS NOT NULL"  # of the index of held runs, which are few
DELETED = "deleted_at IS NOT NULL"  # of the index of deleted runs: lists of all others look in others
TO_ASK = "ask_at IS NOT NULL"

metadata = MetaData()

# What people and models wrote is stored as JSON, not as text. It is escaped to ASCII, so that NUL and lone surrogates,
# which SQLite's driver or PostgreSQL refuse in text, come back as they were.

runs = Table(
    "runs",
    metadata,
    Column("run", String, primary_key=True),
    Column("epoch", Integer, nullable=False),  # how often the run was claimed; a write of an older one is fenced off
    Column("seq", Integer, nullable=False),  # of its newest fact
    Column("started_at", Float, nullable=False),
    # The following repeat what the run's facts say, so that a list need not read those: a start may hold megabytes.
    Column("server", String),  # NULL, like format and question, as long as it has no start: it is no run for people yet
    Column("format", String),
    Column("question", TextJson(none_as_null=True)),
    Column("outcome", String),
    Column("finished_at", Float),
    Column("deleted_at", Float),
    Column("caught_up_at", Float),
    Column("by", String),  # who asked
    Column("channel", String),  # where
    Column("panel", String),  # by its name
    Column("name", TextJson(none_as_null=True)),  # what people call it
    Column("archived_at", Float),
    Column("ask_at", Float),  # when its starter wants to be asked what became of it
    Column("owner", String),  # the process of several that holds it (`leases`); NULL: none, or there is but one process
    Index("runs_owner", "owner", sqlite_where=text(HELD), postgresql_where=text(HELD)),
    Index("runs_started_at", "started_at"),
    Index("runs_server", "server", "started_at"),
    Index("runs_caught_up_at", "caught_up_at"),
    Index("runs_deleted_at", "deleted_at", sqlite_where=text(DELETED), postgresql_where=text(DELETED)),
    Index("runs_ask_at", "ask_at", sqlite_where=text(TO_ASK), postgresql_where=text(TO_ASK)),
)

# The processes that share the database, and until when each may hold runs (seconds of the database's clock).
leases = Table(
    "leases",
    metadata,
    Column("owner", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("until", Float, nullable=False),
    Column("unread", JSON),  # the runs that it cannot read, as a newer version has stored them; NULL: none
)

# The shards of Discord that gateways hear; a gateway without a lease holds none.
shards = Table(
    "shards",
    metadata,
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),  # of all shards, as its gateway's settings say
    Column("owner", String),  # NULL: let go, so that another takes it
)

# When a session was last begun in a bucket of Discord's `max_concurrency` (seconds of the database's clock).
identifies = Table(
    "identifies",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("at", Float, nullable=False),
)

# What each process has spent, or holds in a lot, of a limit that several share, by the limit's name.
lots = Table(
    "lots",
    metadata,
    Column("budget", String, primary_key=True),
    Column("owner", String, primary_key=True),
    Column("ends", JSON, nullable=False),  # when each request leaves the window (seconds of the database's clock)
    Column("until", Float, nullable=False),  # the latest of them
)

facts = Table(
    "facts",
    metadata,
    Column("run", String, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("kind", String, nullable=False),
    Column("data", TextJson, nullable=False),
)

# In which runs a person has done something: the person as a digest, since SQLite may leave copies of deleted rows.
acts = Table(
    "acts",
    metadata,
    Column("person", String, primary_key=True),
    Column("run", String, primary_key=True),
    Index("acts_run", "run"),
)

# The runs that the index of words has (`storage.search`), by their number there, and how far their facts are in it.
searched = Table(
    "searched",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("run", String, nullable=False, unique=True),
    Column("seq", Integer, nullable=False),
)

# The platform's events that were taken: each is taken once.
events = Table(
    "events",
    metadata,
    Column("key", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("at", Float, nullable=False),  # for pruning: platforms repeat an event for minutes, not for ever
    Index("events_run", "run"),
    Index("events_at", "at"),
)

snapshots = Table(
    "snapshots",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),  # SQLite numbers INTEGER keys only
    Column("run", String, nullable=False),
    Column("turn", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("text", TextJson, nullable=False),
    Index("snapshots_run_turn", "run", "turn"),
)

# The messages in which pages stand.
messages = Table(
    "messages",
    metadata,
    Column("run", String, primary_key=True),
    Column("address", String, primary_key=True),
    Column("lane", String, primary_key=True),
    Column("page", Integer, primary_key=True, autoincrement=False),
    Column("ref", String),  # NULL: it was about to be posted there
    Column("reads", String, nullable=False, server_default=""),  # a digest of the text; empty while it changes
    Index("messages_ref", "ref", unique=True),  # a message shows one page
)

# Documents that servers have set up.
shelf = Table(
    "shelf",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
)

# Requests that wait until their person agrees to a price: the last one of each person.
offers = Table(
    "offers",
    metadata,
    Column("person", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("at", Float, nullable=False),
    Column("taken", String, nullable=False),  # what for; "": it stands
    Column("chars", Integer, nullable=False),  # of the request
    Column("high_usd", JSON, nullable=False),  # by format
    Column("request", TextJson(none_as_null=True)),  # NULL: it was taken
)

# Pictures, each once, in pieces: they are sent so, and nobody needs one whole.
pictures = Table(
    "pictures",
    metadata,
    Column("digest", String, primary_key=True),
    Column("piece", Integer, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
)

# The runs that show them; a picture goes with the last.
picture_uses = Table(
    "picture_uses",
    metadata,
    Column("run", String, primary_key=True),
    Column("digest", String, primary_key=True),
    Column("bytes", Integer, nullable=False),
    Column("by", String, nullable=False),
    Column("server", String, nullable=False),
    Column("at", Float, nullable=False),
    Index("picture_uses_digest", "digest"),
)

# What is spent and held of each limit, in millionths of a dollar.
accounts = Table(
    "accounts",
    metadata,
    Column("account", String, primary_key=True),
    Column("spent", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("at", Float, nullable=False),  # of the latest change
)

# Calls of models, each with what it cost. One whose settlement never came counts with what was held for it.
calls = Table(
    "calls",
    metadata,
    Column("call", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("person", String, nullable=False),
    Column("server", String, nullable=False),
    Column("format", String, nullable=False),
    Column("model", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("spent", BigInteger),  # NULL: not settled
    Column("seconds", Float),
    Column("own_key", Boolean, nullable=False, server_default=false()),  # the server has paid with a key of its own
    Index("calls_server_at", "server", "at"),
    Index("calls_run", "run"),
)
