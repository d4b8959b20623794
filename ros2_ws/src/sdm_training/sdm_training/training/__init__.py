"""A learner is trained: the loop, and a whole run from data to exported policy."""
