"""Who speaks: from a recording to one vector."""
