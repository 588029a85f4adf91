"""Cuts text into pieces."""

from engine.protocol.stages.speech import CutMethod

__all__ = ["CutMethod"]
