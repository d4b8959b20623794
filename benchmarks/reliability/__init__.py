"""The Franka cell with everything in it that can break, and what is measured when it does."""
