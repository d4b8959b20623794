"""DexArt's four tasks."""
