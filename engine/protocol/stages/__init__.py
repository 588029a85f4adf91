"""The declarations of the stages: `registry.STAGES` lists them in the order of the work."""
