"""The rows of HTTP clients: `make bench ARGS="--only http"`."""
