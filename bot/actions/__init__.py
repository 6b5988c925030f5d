"""Actions that people may take, with their permissions and limits."""
