"""Language: from written text to phones."""
