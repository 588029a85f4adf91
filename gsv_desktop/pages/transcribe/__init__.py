"""The page that writes down what is said."""
