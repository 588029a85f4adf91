"""The folder of an experiment: manifests, feature files, and what of them is up to date."""
