"""From this node and its Postfix to the resources that the cluster will manage."""
