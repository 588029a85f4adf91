"""Sound: files, sample rates, levels, silence, spectrograms."""
