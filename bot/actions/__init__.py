"""What people may do, who may, and within which limits."""
