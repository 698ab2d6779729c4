"""What the servers serve: applications that say on which loop and in which process they run."""
