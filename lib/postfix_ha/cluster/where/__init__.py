"""Where a service could run, by the scheduler's own word, and what keeps it off the other nodes."""
