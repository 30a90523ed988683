"""Who else uses the file system of the queue: what a stop warns of, and a check beforehand."""
