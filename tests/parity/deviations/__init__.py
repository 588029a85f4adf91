"""Why some texts are spoken otherwise than by the original: one list a language."""
