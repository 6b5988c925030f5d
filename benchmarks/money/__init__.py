"""Money: whether limits on spending hold, and how well a run's cost is told before it and while it goes on."""
