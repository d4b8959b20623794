"""A dexterous hand and articulated things of our own: stand-ins for DexArt's four tasks."""
