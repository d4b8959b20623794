"""The Franka cell: an FR3 with its hand and two depth cameras at a table, the twin of `launch/franka.launch.py`."""
