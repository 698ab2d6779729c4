"""The base classes of :class:`aioxide.Loop`, one for each family of methods."""
