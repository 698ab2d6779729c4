"""One module for each page of the program: its routes and what they answer."""
