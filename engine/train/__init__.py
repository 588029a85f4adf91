"""Training of the two networks."""
