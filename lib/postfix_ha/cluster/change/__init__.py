"""Changes of a service that exists: move, modify, replace its agent, release it, undo."""
