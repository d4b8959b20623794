"""Robomimic's tasks on robosuite's Panda."""
