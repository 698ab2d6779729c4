"""Changes to the standard library: its policy, its functions, and other packages' loops."""
