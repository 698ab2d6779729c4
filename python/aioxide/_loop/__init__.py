"""The classes that :class:`aioxide.Loop` is put together from, one for each family of methods."""
