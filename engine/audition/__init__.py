"""Exported weights are heard: they speak the same sentences, and what they say is measured."""
