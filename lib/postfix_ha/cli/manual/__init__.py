"""The manual pages and the completions."""
