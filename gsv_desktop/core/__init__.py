"""What the window knows without Qt: settings, projects, paths."""
