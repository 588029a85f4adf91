"""The page that speaks."""
