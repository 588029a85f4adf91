"""What the window and the engine agree on: stages, messages, errors, file formats. Plain Python."""
