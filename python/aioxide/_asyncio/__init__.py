"""What touches the standard library: its policy, its functions, and other packages' loops."""
