"""How fast a model speaks on this machine: any checkpoint, or random weights in the released shapes."""
