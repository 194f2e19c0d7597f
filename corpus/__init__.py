"""The archive: what has been collected, and the only thing that cannot be rebuilt."""
