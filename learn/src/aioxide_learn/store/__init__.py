"""The learner's progress, in one SQLite file."""
