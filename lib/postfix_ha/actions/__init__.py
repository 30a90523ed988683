"""The actions of the agent beyond the healthy monitor; each is loaded only when it is asked for."""
