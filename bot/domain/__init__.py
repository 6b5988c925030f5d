"""What can happen in a run, as pure values: its parts, its facts, and what they fold into."""
