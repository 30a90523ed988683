"""Other nodes: their facts, asked over a remote shell, and compared with this node's."""
