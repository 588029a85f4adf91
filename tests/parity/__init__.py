"""Numbers that official-format files must give."""
