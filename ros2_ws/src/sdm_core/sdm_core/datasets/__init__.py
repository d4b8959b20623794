"""Episodes on disk, in this project's layout and in others'."""
