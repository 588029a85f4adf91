"""Places of the tabs in the window."""

SLICE, DENOISE, TRANSCRIBE, LABEL, PREPARE, SOVITS, GPT, SPEAK = range(8)
