"""The stages that turn recordings into training data."""
