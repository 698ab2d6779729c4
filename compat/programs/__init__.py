"""One module for each program: what a library's users do, with ``main(given)`` as its way in."""
