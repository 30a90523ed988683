"""Checks that start and validate-all make before Postfix starts; check makes them too."""
