"""What the models of the pictures say. Nobody is imitated: seats are named by their parts."""

from __future__ import annotations

import json

from bot.domain.run import CRITERIA
from tests.servers.model_server import MakeReply, Reply, Request, answer, error

SEATS = {"skeptic": "Skeptic", "engineer": "Engineer", "economist": "Economist"}
QUESTION = "Should we rewrite our billing service in another language?"

ANSWERS = {
    "skeptic": """**No, not as a rewrite.** The service is slow in one place, and a rewrite pays for all of it.

- Billing holds rules that nobody has written down; a new code base finds them one complaint at a time.
- For a year there are two systems to keep alike.

Measure first. If one path is hot, replace *that path* and keep the rest.""",
    "engineer": """**Yes, step by step.** Put the new service behind the old interface, and move it piece by piece:

1. Record a month of requests and answers.
2. Replay them against the new code, and compare: `diff old.json new.json`.
3. Move an invoice type once a week has shown no difference.

You can stop after any step, and you will have better tests than today.""",
    "economist": """**Only if it pays within two years.** Two engineers for nine months cost about 300,000.

Against that stand 40,000 a year of servers and perhaps a tenth of the team's time. So *it does not pay*; with\
 twice the traffic it does. Decide when you know next year's volume.""",
}
REVIEWS = {  # each seat's ranking, and its reason
    "skeptic": (
        ("engineer", "skeptic", "economist"),
        "The one with steps can stop after any of them.",
    ),
    "engineer": (
        ("engineer", "skeptic", "economist"),
        "One of them can begin on Monday.",
    ),
    "economist": (("engineer", "economist", "skeptic"), "The steps are concrete; the numbers ask the right question."),
}
SYNTHESIS = """Do not rewrite it at once; replace the slow path behind the old interface, and stop when that is enough.

Start by recording a month of requests, so that every step can be compared with today's answers. The panel differs on\
 whether to go further: the Engineer would move every invoice type, the Economist waits for next year's volume. That\
 matters only after the first step."""
OPENINGS = {
    "skeptic": "A rewrite is a bet against rules that nobody has written down. **I am against it.**",
    "engineer": "Moved one invoice type at a time it is no bet at all: **each step can be undone.**",
    "economist": "The question is what it costs to wait. **Today, less than to begin.**",
}
CLOSINGS = {
    "skeptic": "The Engineer's steps are right, and the first of them makes the others unnecessary: measure.",
    "engineer": "Agreed on measuring. But the recording is already half of the move, so plan for the whole.",
    "economist": "If the first step costs three weeks, I am for it: that much is worth knowing next year's numbers.",
}
VERDICT = """The Skeptic named the risk, the Engineer the way around it, and the Economist where to stop. The\
 Engineer's plan survived both objections, since it can end after any step.

VERDICT: Engineer: begin with the recording, and decide about the rest by what it shows."""


def say(text: str) -> Reply:
    """Return an answer that streams the text by the word."""
    words = [f"{word} " for word in text.split(" ")]
    return answer(*words, usage=(900, len(words) * 4 // 3))


def make_review(seat: str) -> MakeReply:
    """Make the review of a council's seat: its ranking, in the letters under which its request has the answers."""
    ranking, reason = REVIEWS[seat]

    def review(request: Request) -> Reply:
        asked = " ".join(str(message["content"]) for message in request.body["messages"])
        places = {other: asked.find(ANSWERS[other].partition(".")[0]) for other in SEATS}
        shown = sorted((other for other in SEATS if places[other] >= 0), key=places.__getitem__)  # one may be late
        letters = ["ABC"[shown.index(other)] for other in ranking if other in shown]
        return say(json.dumps({"ranking": letters, "review": reason}))

    return review


def make_scores() -> Reply:
    """Return a judge's scores in which the Engineer wins."""
    points = {"Skeptic": 7, "Engineer": 8, "Economist": 6}
    rows = [{"debater": name, **dict.fromkeys(CRITERIA, most)} for name, most in points.items()]
    return say(json.dumps({"scores": rows, "winner": "Engineer"}))


SCRIPTS: dict[str, dict[str, list[Reply | MakeReply]]] = {
    "council": {
        **{seat: [say(ANSWERS[seat]), make_review(seat)] for seat in SEATS},
        "chair": [say(SYNTHESIS)],
    },
    "debate": {
        **{seat: [say(OPENINGS[seat]), say(CLOSINGS[seat])] for seat in SEATS},
        "chair": [say(VERDICT), make_scores()],
    },
    "blind": {seat: [say(ANSWERS[seat])] for seat in SEATS},
    "failed": {seat: [error(401, "invalid key")] for seat in SEATS},
}
