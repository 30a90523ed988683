"""The fuzzer: hostile input of every kind that the agent and the command read, drawn by hypothesis. ci/fuzz runs it."""
