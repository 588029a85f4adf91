"""Tests of engine.dataset.separation."""
