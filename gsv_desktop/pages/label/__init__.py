"""The page that corrects labels."""
