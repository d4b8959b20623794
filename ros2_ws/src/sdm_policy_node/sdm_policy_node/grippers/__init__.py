"""Grippers that are told by a topic, or by actions and services of their own."""
