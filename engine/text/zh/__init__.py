"""Chinese: from written Mandarin to syllables with tones, and from there to phones."""
