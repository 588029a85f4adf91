"""Places of the tabs in the window."""

SEPARATE, SLICE, DENOISE, TRANSCRIBE, LABEL, PREPARE, SOVITS, GPT, SPEAK = range(9)
