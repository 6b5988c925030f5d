"""Pictures of runs in Discord's and Slack's look, drawn from what the wire servers hold: `make pictures`.

The modules: scripts (what models say), scenes (real runs on the wire servers), discord_look and slack_look (a thread as
HTML), page (what both looks share), browser (HTML to a picture, by Chromium),
palette (a picture of a third of the size).
"""
