"""The pages, and the server that serves them on aioxide's loop."""
