"""Models from the network: two hubs, their caches, one way to transfer files. Knows nothing of what models compute."""
