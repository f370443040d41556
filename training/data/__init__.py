"""What the network is fed: images changed at random, in batches whose order is known."""
