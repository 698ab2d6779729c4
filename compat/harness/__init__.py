"""The parts of the runner; see README.md of the folder above."""
