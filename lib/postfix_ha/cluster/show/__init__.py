"""A service as text: its status, pcs and crm commands, a graph."""
