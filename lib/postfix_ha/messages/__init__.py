"""Messages: every sentence that the agent and the command say, by topic."""
