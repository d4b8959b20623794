"""What methods are made of: losses on batches, optimisers, averages."""
